// SPDX-License-Identifier: GPL-2.0-or-later
// One AR call between two Node UEs, held until standard input ends: node hold_call.mjs RUN. Prints
// its Call-ID when both have the scene. For the test of the documented commands.
import { Stack } from '../../scripts/demo/stack.mjs';
import { arCall } from '../integration/call/basic.mjs';
import { Party, walkAbout } from '../ue/pair.mjs';

const stack = new Stack(process.argv[2]);
const a = new Party(stack, 'a');
const b = new Party(stack, 'b', { ws: stack.env.WS2 });
await Promise.all([a.start(), b.start()]);
await arCall({ stack }, a, b);
walkAbout(a, b);
console.log(a.last.callId);
process.stdin.resume();
process.stdin.on('end', () => {
	a.last.hangup();
	setTimeout(() => process.exit(0), 500);
});

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check_install.sh BUILD: installs twice into an empty folder. What an operator has edited stays, every
# file that a unit or a page names is there, the commands of docs/drop-in.md do what they say, and the
# manual pages have every setting.
set -u
cd "$(dirname "$0")/../.." || exit 2
BUILD=${1:-build/release}
DEST=$(mktemp -d -t ims-ar-install-XXXXXX) || exit 2
trap 'rm -rf "$DEST"' EXIT
failed=0

say() { # RC NAME
	if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; failed=1; fi
}

install_into() { DESTDIR=$DEST cmake --install "$BUILD" >"$DEST.log" 2>&1 || { cat "$DEST.log"; return 1; }; }

install_into
say $? "it installs into an empty folder"

edited="etc/ims-ar/asd.conf etc/ims-ar/mediad.conf etc/ims-ar/policy.lua"
for f in $edited; do echo "$(case $f in *.lua) echo -- ;; esac)# the operator was here" >>"$DEST/$f"; touch -d '2001-01-01' "$DEST/$f"; done
install_into
for f in $edited; do
	tail -1 "$DEST/$f" | grep -q "the operator was here"
	say $? "/$f stays when it is installed again"
done
rm -f "$DEST.log"

[ "$(find "$DEST" -name mediad.conf | wc -l)" = 1 ] && [ ! -e "$DEST/usr/etc" ]
say $? "there is one configuration, in /etc"

missing=0
for unit in "$DEST"/lib/systemd/system/*.service "$DEST"/usr/lib/systemd/system/*.service; do
	[ -e "$unit" ] || continue
	for f in $(sed -n 's/^Exec[A-Za-z]*=[-+!]*\(\/usr[^ ]*\).*/\1/p' "$unit") $(grep -o '/etc/ims-ar/[a-z.]*' "$unit"); do
		[ -e "$DEST$f" ] || { echo "   $unit: $f is not there"; missing=1; }
	done
	for page in $(sed -n 's/^Documentation=man:\(.*\)(8)$/\1/p' "$unit"); do
		[ -e "$DEST/usr/share/man/man8/$page.8" ] || { echo "   $unit: no manual page of $page"; missing=1; }
	done
done
say $missing "what the units name is there"

# The commands of docs/drop-in.md that install, each in the empty folder instead of the system.
page_commands() { sed -n '/^## asd, mediad/,/^## At the/{/^```sh/,/^```$/{/^```/d;s/ *#.*//;p}}' docs/drop-in.md; }
in_dest() { sed -E "s#/(usr/share|etc/ims-ar|usr/libexec)#$DEST/\\1#g; s#/var/lib/ims-ar#$DEST/var#" "$DEST/etc/ims-ar/$1" >"$DEST/$1" && mkdir -p "$DEST/var"; }
command_of_the_page() { # COMMAND
	case $1 in
	"sudo scripts/build.sh") scripts/build.sh --help | grep -q 'cmake --install' && grep -q 'build_programs build/demo' demo.sh ;;
	"sudo cmake --install build/demo") [ -x "$DEST/usr/sbin/asd" ] ;;
	"sudo systemd-sysusers") systemd-sysusers --root="$DEST" >/dev/null 2>&1 && grep -q '^ims-ar:' "$DEST/etc/group" ;;
	"sudo editor /etc/ims-ar/mediad.conf") grep -q '^network = ' "$DEST/etc/ims-ar/mediad.conf" ;;
	"asd -t" | "mediad -t") in_dest "${1% -t}.conf" && "$DEST/usr/sbin/${1% -t}" -c "$DEST/${1% -t}.conf" -t >"$DEST.log" 2>&1 ;;
	"sudo usermod -aG ims-ar kamailio") grep -qx 'Group=ims-ar' "$DEST"/usr/lib/systemd/system/asd.service ;;
	"sudo systemctl enable --now mediad asd") [ -e "$DEST/usr/lib/systemd/system/mediad.service" ] ;;
	*) echo "   not a command that this test knows"; false ;;
	esac
}
count=0
while IFS= read -r c; do
	count=$((count + 1))
	command_of_the_page "$c"
	say $? "docs/drop-in.md: $c"
	[ ! -s "$DEST.log" ] || sed 's/^/   /' "$DEST.log"
	rm -f "$DEST.log"
done < <(page_commands)
[ $count -ge 8 ]
say $? "docs/drop-in.md has $count commands to install"
"$DEST/usr/sbin/mediad" -c "$DEST/mediad.conf" -t 2>/dev/null | grep -q 'only UEs on this machine reach 127.0.0.1: \[media\] network'
say $? "mediad -t says that the address as shipped is no use to others"

for p in asd mediad; do
	page=$DEST/usr/share/man/man8/$p.8 lost=0 n=0
	for name in $("$BUILD/$p/$p" --help | sed -n '/^settings/,$s/^    \([a-z_]*\) .*/\1/p'); do
		n=$((n + 1))
		grep -q "^\.B $name\\\\fR" "$page" || { echo "   $p.8 lacks $name"; lost=1; }
	done
	[ "$n" -gt 10 ] && [ "$lost" = 0 ] && ! grep -q '@[A-Z]*@' "$page"
	say $? "$p.8 has all $n settings"
done
[ "$(find "$DEST" -type f -perm -002 | wc -l)" = 0 ]
say $? "nobody else may write to what is installed"
exit $failed

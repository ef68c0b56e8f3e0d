/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * render_picture FILE...: draws each glTF file once as a whole into RENDER_OUT/NAME.png and tells
 * what it took; a file that is refused is told with the reason. To look at; no test by itself.
 * TIME in the environment: the animations' time in seconds.
 */
#include "tests/unit/render/rig.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int draw_file(const char *path)
{
	struct render_options opt = {.own = -1};
	struct rig_scene s;
	struct rig_frame f;
	struct render_camera c;
	struct render_stats st, again;
	struct ar_buf why;
	char copy[512];
	int rc;

	ar_buf_init(&why, 4096);
	rc = rig_load_file(&s, path, &why);
	if (!rc)
		rc = render_view_new(&s.view, rig_render(), &why);
	if (!rc)
		rc = render_view_load(s.view, s.model, &why);
	if (rc) {
		printf("%s: refused: %.*s\n", path, (int)why.n, why.p);
		rig_close(&s);
		ar_buf_free(&why);
		return 1;
	}
	if (!stage_bounds(s.stage, -1, (float[3]){0}, (float[3]){0})) {
		printf("%s: shows nothing\n", path);
		rig_close(&s);
		ar_buf_free(&why);
		return 0;
	}
	if (getenv("TIME") && stage_set_clock(s.stage, atof(getenv("TIME"))))
		return 1;
	if (getenv("BEST"))
		opt.quality = RENDER_BEST;
	stage_evaluate(s.stage);
	c = rig_look_at_scene(&s);
	rig_new_frame(&f, 640, 360);
	rc = render_view_overlay(s.view, &f.f, s.stage, &c, &opt, &st);
	c.position[0] += 1e-4f;
	if (!rc)
		rc = render_view_overlay(s.view, &f.f, s.stage, &c, &opt, &again);
	printf("%s: rc %d, %u nodes, %u triangles, %u reduced, %u left out, %dx%d at %d,%d, first "
	       "%u us, "
	       "then %u us\n",
		path, rc, st.nodes, st.triangles, st.nodes_reduced, st.nodes_left_out, st.width,
		st.height, st.x, st.y, st.cpu_us, again.cpu_us);
	snprintf(copy, sizeof(copy), "%s", path);
	rig_save(&f, basename(copy));
	rig_free_frame(&f);
	rig_close(&s);
	ar_buf_free(&why);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= draw_file(argv[i]);
	rig_end();
	return rc ? 1 : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scene.mesh of the module `ar.app`: triangles as glTF has them, in a buffer of their own. */
#include "mediad/dcmf/app_lua_internal.h"

#include "common/lua/sandbox.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

#define MESH_MAX_VERTICES 1024

struct shape {
	unsigned nvertex, nindex;
	float position[MESH_MAX_VERTICES][3];
	uint16_t index[3 * MESH_MAX_VERTICES];
};

static void read_positions(lua_State *L, struct shape *s)
{
	if (lua_getfield(L, 1, "positions") != LUA_TTABLE)
		sandbox_fail(L, "mesh: positions is a list of {x, y, z}");
	s->nvertex = (unsigned)lua_rawlen(L, -1);
	if (s->nvertex < 3 || s->nvertex > MESH_MAX_VERTICES)
		sandbox_fail(L, "mesh: 3 to %d positions", MESH_MAX_VERTICES);
	vm_spend(L, s->nvertex * 16);
	for (unsigned i = 0; i < s->nvertex; i++) {
		double v[3];

		lua_rawgeti(L, -1, i + 1);
		if (!app_lua_vector(L, lua_gettop(L), v, 3))
			sandbox_fail(L, "mesh: position %u is missing", i + 1);
		for (int k = 0; k < 3; k++) {
			if (!(fabs(v[k]) <= SCENE_MAX_METRES))
				sandbox_fail(L, "mesh: position %u is out of range", i + 1);
			s->position[i][k] = (float)v[k];
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void read_indices(lua_State *L, struct shape *s)
{
	if (lua_getfield(L, 1, "indices") != LUA_TTABLE)
		sandbox_fail(L, "mesh: indices is a list, three for each triangle, from 1 on");
	s->nindex = (unsigned)lua_rawlen(L, -1);
	if (!s->nindex || s->nindex % 3 || s->nindex > 3 * MESH_MAX_VERTICES)
		sandbox_fail(L, "mesh: 3 to %d indices, in threes", 3 * MESH_MAX_VERTICES);
	vm_spend(L, s->nindex * 4);
	for (unsigned i = 0; i < s->nindex; i++) {
		lua_Integer v;

		lua_rawgeti(L, -1, i + 1);
		v = lua_tointeger(L, -1);
		if (v < 1 || v > (lua_Integer)s->nvertex)
			sandbox_fail(L, "mesh: index %u is no position", i + 1);
		s->index[i] = (uint16_t)(v - 1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void add_base64(struct ar_buf *b, const unsigned char *p, size_t n)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0);
		char four[4] = {digit[v >> 18], digit[v >> 12 & 63],
			i + 1 < n ? digit[v >> 6 & 63] : '=', i + 2 < n ? digit[v & 63] : '='};

		ar_buf_add(b, four, sizeof(four));
	}
}

static json_t *shape_buffer(const struct shape *s)
{
	size_t np = s->nvertex * sizeof(s->position[0]), ni = s->nindex * sizeof(s->index[0]);
	unsigned char *bytes =
		malloc(np + ni + 1); /* the analyser does not know that it is not 0 */
	struct ar_buf b;
	json_t *j = NULL;

	if (!bytes)
		return NULL;
	/* glTF is little-endian, as are the machines that Debian's codecs and we run on */
	memcpy(bytes, s->position, np);
	memcpy(bytes + np, s->index, ni);
	ar_buf_init(&b, 64 + (np + ni + 3) / 3 * 4);
	ar_buf_add_str(&b, "data:application/octet-stream;base64,");
	add_base64(&b, bytes, np + ni);
	if (!ar_buf_err(&b))
		j = json_pack("{s:i, s:s%}", "byteLength", (int)(np + ni), "uri", b.p, b.n);
	ar_buf_free(&b);
	free(bytes);
	return j;
}

static json_t *corner(const struct shape *s, bool high)
{
	json_t *j = json_array();

	for (int k = 0; k < 3; k++) {
		float v = s->position[0][k];

		for (unsigned i = 1; i < s->nvertex; i++)
			v = high ? fmaxf(v, s->position[i][k]) : fminf(v, s->position[i][k]);
		json_array_append_new(j, json_real(v));
	}
	return j;
}

/* Appends what a mesh is made of; *at is the mesh's index. */
static int append_shape(struct scene *sc, const struct shape *s, json_t *prim, unsigned *at)
{
	unsigned buffer, view[2], acc[2];
	int np = (int)(s->nvertex * sizeof(s->position[0]));
	int err = scene_append(sc, "buffers", shape_buffer(s), &buffer);

	if (!err)
		err = scene_append(sc, "bufferViews",
			json_pack("{s:i, s:i, s:i}", "buffer", (int)buffer, "byteLength", np,
				"target", 34962),
			&view[0]);
	if (!err)
		err = scene_append(sc, "bufferViews",
			json_pack("{s:i, s:i, s:i, s:i}", "buffer", (int)buffer, "byteOffset", np,
				"byteLength", (int)(s->nindex * 2), "target", 34963),
			&view[1]);
	if (!err)
		err = scene_append(sc, "accessors",
			json_pack("{s:i, s:i, s:i, s:s, s:o, s:o}", "bufferView", (int)view[0],
				"componentType", 5126, "count", (int)s->nvertex, "type", "VEC3",
				"min", corner(s, false), "max", corner(s, true)),
			&acc[0]);
	if (!err)
		err = scene_append(sc, "accessors",
			json_pack("{s:i, s:i, s:i, s:s}", "bufferView", (int)view[1],
				"componentType", 5123, "count", (int)s->nindex, "type", "SCALAR"),
			&acc[1]);
	if (err) {
		json_decref(prim);
		return err;
	}
	json_object_set_new(prim, "attributes", json_pack("{s:i}", "POSITION", (int)acc[0]));
	json_object_set_new(prim, "indices", json_integer(acc[1]));
	return scene_append(sc, "meshes", json_pack("{s:[o]}", "primitives", prim), at);
}

/* mesh{positions =, indices = [, material =]} -> index of the mesh. Its bytes are one text in the
 * document: keep it below what the UEs' message size takes (docs/applications.md). */
int app_lua_mesh(lua_State *L)
{
	struct app_lua *l = vm_user(vm_of(L));
	struct shape *s;
	json_t *prim;
	unsigned at;
	int err;

	luaL_checktype(L, 1, LUA_TTABLE);
	if (!l->app)
		return sandbox_fail(L, "there is no call yet: use this in a handler");
	s = lua_newuserdatauv(L, sizeof(*s), 0);
	memset(s, 0, sizeof(*s));
	read_positions(L, s);
	read_indices(L, s);
	vm_spend(L, 5 * APP_LUA_CHANGE_COST);
	if (l->appended + 6 > APP_LUA_APPENDED)
		return sandbox_fail(L, "mesh: %d items have been appended", APP_LUA_APPENDED);
	app_lua_grow(L, "mesh", 1000 + ((int64_t)s->nvertex * 12 + s->nindex * 2) * 4 / 3);
	l->appended += 6;
	lua_getfield(L, 1, "material");
	prim = lua_isinteger(L, -1) ? json_pack("{s:i}", "material", (int)lua_tointeger(L, -1))
				    : json_object();
	err = append_shape(l->app->scene, s, prim, &at);
	if (err)
		return app_lua_fail(L, "mesh", err);
	lua_pushinteger(L, at);
	return 1;
}

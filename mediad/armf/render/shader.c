/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/shader.h"

#include <stdio.h>
#include <string.h>

#define HEADER_MAX 1024

static const struct {
	uint32_t bits; /* any of them */
	const char *name;
} defines[] = {
	{SHADER_LIT, "LIT"},
	{SHADER_TANGENT, "TANGENT"},
	{SHADER_COLOR, "COLOR"},
	{SHADER_SKIN, "SKIN"},
	{SHADER_BASE, "BASE"},
	{SHADER_ROUGH, "ROUGH"},
	{SHADER_NORMAL_MAP, "NORMAL_MAP"},
	{SHADER_OCCLUSION, "OCCLUSION"},
	{SHADER_EMISSIVE, "EMISSIVE"},
	{SHADER_UV1, "UV1"},
	{SHADER_UV_MATRIX, "UV_MATRIX"},
	{SHADER_MASK, "MASK"},
	{SHADER_BLEND, "BLEND"},
	{SHADER_DOUBLE, "DOUBLE"},
	{SHADER_POSITIONS, "POSITIONS"},
	{SHADER_FAST, "FAST"},
	{SHADER_MATTE, "MATTE"},
	{SHADER_PLAIN, "PLAIN"},
	{SHADER_VERTEX_LIT, "VERTEX_LIT"},
	{SHADER_BASE | SHADER_ROUGH | SHADER_NORMAL_MAP | SHADER_OCCLUSION | SHADER_EMISSIVE, "UV"},
};

static bool needs_position(uint32_t key)
{
	return key & SHADER_LIT &&
	       (!(key & SHADER_MATTE) || key & (SHADER_POSITIONS | SHADER_NORMAL_MAP));
}

static void header_of(char out[HEADER_MAX], uint32_t key)
{
	size_t n = (size_t)snprintf(out, HEADER_MAX, "#version 300 es\n#define LIGHTS %u\n",
		key >> SHADER_LIGHTS_SHIFT);

	for (unsigned i = 0; i < sizeof(defines) / sizeof(*defines); i++) {
		if (key & defines[i].bits && n < HEADER_MAX)
			n += (size_t)snprintf(
				out + n, HEADER_MAX - n, "#define %s\n", defines[i].name);
	}
	if (needs_position(key) && n < HEADER_MAX)
		snprintf(out + n, HEADER_MAX - n, "#define NEED_POSITION\n");
}

static GLuint compile(GLenum kind, uint32_t key, const char *text, struct ar_buf *why)
{
	char header[HEADER_MAX], log[512] = "";
	const char *parts[2] = {header, text};
	GLuint s = glCreateShader(kind);
	GLint ok = 0;

	header_of(header, key);
	glShaderSource(s, 2, parts, NULL);
	glCompileShader(s);
	glGetShaderiv(s, GL_COMPILE_STATUS, &ok);
	if (ok)
		return s;
	glGetShaderInfoLog(s, sizeof(log), NULL, log);
	if (why)
		ar_buf_printf(why, "the driver refuses a %s shader (variant 0x%x): %s",
			kind == GL_VERTEX_SHADER ? "vertex" : "fragment", key, log);
	glDeleteShader(s);
	return 0;
}

static GLuint link_program(uint32_t key, struct ar_buf *why)
{
	GLuint v = compile(GL_VERTEX_SHADER, key, shader_vertex_text, why), f = 0, p = 0;
	char log[512] = "";
	GLint ok = 0;

	if (v)
		f = compile(GL_FRAGMENT_SHADER, key, shader_fragment_text, why);
	if (f) {
		p = glCreateProgram();
		glAttachShader(p, v);
		glAttachShader(p, f);
		glLinkProgram(p);
		glGetProgramiv(p, GL_LINK_STATUS, &ok);
		if (!ok) {
			glGetProgramInfoLog(p, sizeof(log), NULL, log);
			if (why)
				ar_buf_printf(
					why, "the driver does not link variant 0x%x: %s", key, log);
			glDeleteProgram(p);
			p = 0;
		}
	}
	glDeleteShader(v);
	glDeleteShader(f);
	return p;
}

static void look_up(struct shader *s)
{
	static const char *const uniform[U_N] = {"u_world", "u_normal", "u_base", "u_surface",
		"u_emissive", "u_uv_matrix", "u_uv_set"};
	static const char *const block[] = {"frame", "joints"};
	static const char *const sampler[TEX_N] = {
		"u_tex0", "u_tex1", "u_tex2", "u_tex3", "u_tex4"};

	for (int i = 0; i < U_N; i++)
		s->at[i] = glGetUniformLocation(s->program, uniform[i]);
	for (GLuint i = 0; i < 2; i++) {
		GLuint b = glGetUniformBlockIndex(s->program, block[i]);

		if (b != GL_INVALID_INDEX)
			glUniformBlockBinding(s->program, b, i);
	}
	glUseProgram(s->program);
	for (int i = 0; i < TEX_N; i++) {
		GLint at = glGetUniformLocation(s->program, sampler[i]);

		if (at >= 0)
			glUniform1i(at, i);
	}
}

const struct shader *shader_get(struct shader_set *set, uint32_t key, struct ar_buf *why)
{
	struct shader *s;
	GLuint program;

	for (unsigned i = 0; i < set->n; i++) {
		if (set->shader[i].key == key)
			return &set->shader[i];
	}
	if (set->n == SHADER_MAX) {
		shader_set_clear(set);
		set->flushed++;
	}
	program = link_program(key, why);
	if (!program)
		return NULL;
	s = &set->shader[set->n++];
	s->key = key;
	s->program = program;
	look_up(s);
	set->compiled++;
	return s;
}

void shader_set_clear(struct shader_set *set)
{
	for (unsigned i = 0; i < set->n; i++)
		glDeleteProgram(set->shader[i].program);
	set->n = 0;
}

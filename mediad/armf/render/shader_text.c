/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two shaders, before the #defines of shader_get(). GLSL ES 3.00.
 *
 * "precision highp int" is not decoration: in a fragment shader int is mediump by default, and
 * Mesa's software renderer really computes with 16 bits then.
 *
 * Colours are worked out in linear light and written sRGB-encoded and premultiplied. FAST, for the
 * software renderer: textures are decoded after filtering by a polynomial, the result is encoded
 * with one square root (within 3/255, the worst near black), and visibility and Fresnel of the
 * specular lobe are one approximation.
 *
 * VERTEX_LIT: with g = light to the power of 1 / 2.4, encode(decode(t) * light) is
 * (t + 0.055) * g - 0.055 but for the darkest tones, so a vertex works out g and a pixel does two
 * sums; nothing is decoded or encoded.
 */
#include "mediad/armf/render/shader.h"

_Static_assert(RENDER_MAX_JOINTS == 256, "j_matrix below");
_Static_assert(RENDER_MAX_LIGHTS * 4 == 32, "f_light below");

#define FRAME_BLOCK                                                                                \
	"layout(std140) uniform frame {\n"                                                         \
	"	mat4 f_clip;\n"                                                                          \
	"	vec4 f_eye, f_sky, f_ground;\n"                                                          \
	"	vec4 f_light[32];\n"                                                                     \
	"};\n"

const char *const shader_vertex_text =
	"precision highp float;\n"
	"precision highp int;\n" FRAME_BLOCK "layout(location = 0) in vec3 a_position;\n"
	"layout(location = 1) in vec3 a_normal;\n"
	"layout(location = 2) in vec4 a_tangent;\n"
	"layout(location = 3) in vec2 a_uv0;\n"
	"layout(location = 4) in vec2 a_uv1;\n"
	"layout(location = 5) in vec4 a_color;\n"
	"#ifdef SKIN\n"
	"layout(location = 6) in uvec4 a_joint;\n"
	"layout(location = 7) in vec4 a_weight;\n"
	"layout(std140) uniform joints {\n"
	"	mat4 j_matrix[256];\n"
	"};\n"
	"#endif\n"
	"uniform mat4 u_world;\n"
	"uniform mat3 u_normal;\n"
	"#ifdef VERTEX_LIT\n"
	"uniform vec4 u_base;\n"
	"out vec3 v_light;\n"
	"#endif\n"
	"#ifdef NEED_POSITION\n"
	"out vec3 v_position;\n"
	"#endif\n"
	"#if defined(LIT) && !defined(VERTEX_LIT)\n"
	"out vec3 v_normal;\n"
	"#endif\n"
	"#ifdef TANGENT\n"
	"out vec4 v_tangent;\n"
	"#endif\n"
	"#ifdef UV\n"
	"out vec2 v_uv0;\n"
	"#endif\n"
	"#ifdef UV1\n"
	"out vec2 v_uv1;\n"
	"#endif\n"
	"#ifdef COLOR\n"
	"out vec4 v_color;\n"
	"#endif\n"
	"void main() {\n"
	"#ifdef SKIN\n"
	"	mat4 world = j_matrix[a_joint.x] * a_weight.x + j_matrix[a_joint.y] * a_weight.y "
	"+\n"
	"		j_matrix[a_joint.z] * a_weight.z + j_matrix[a_joint.w] * a_weight.w;\n"
	"	mat3 turn = mat3(world);\n"
	"#else\n"
	"	mat4 world = u_world;\n"
	"	mat3 turn = u_normal;\n"
	"#endif\n"
	"	vec4 p = world * vec4(a_position, 1.0);\n"
	"	gl_Position = f_clip * p;\n"
	"	gl_PointSize = 1.0;\n"
	"#ifdef NEED_POSITION\n"
	"	v_position = p.xyz;\n"
	"#endif\n"
	"#ifdef VERTEX_LIT\n"
	"	vec3 n = normalize(turn * a_normal), c = vec3(0.0);\n"
	"	for (int k = 0; k < LIGHTS; k++)\n"
	"		c += f_light[4 * k + 1].rgb * max(dot(n, f_light[4 * k].xyz), 0.0);\n"
	"	c = c * 0.31830989 + mix(f_ground.rgb, f_sky.rgb, n.y * 0.5 + 0.5);\n"
	"	v_light = pow(max(c * u_base.rgb, 0.0), vec3(1.0 / 2.4));\n"
	"#elif defined(LIT)\n"
	"	v_normal = turn * a_normal;\n"
	"#endif\n"
	"#ifdef TANGENT\n"
	"	v_tangent = vec4(mat3(world) * a_tangent.xyz, a_tangent.w);\n"
	"#endif\n"
	"#ifdef UV\n"
	"	v_uv0 = a_uv0;\n"
	"#endif\n"
	"#ifdef UV1\n"
	"	v_uv1 = a_uv1;\n"
	"#endif\n"
	"#ifdef COLOR\n"
	"	v_color = a_color;\n"
	"#endif\n"
	"}\n";

#define FRAGMENT_INPUTS                                                                            \
	"precision highp float;\n"                                                                 \
	"precision highp int;\n"                                                                   \
	"precision highp sampler2D;\n" FRAME_BLOCK "uniform vec4 u_base, u_surface, u_emissive;\n" \
	"uniform mat3 u_uv_matrix[5];\n"                                                           \
	"uniform float u_uv_set[5];\n"                                                             \
	"uniform sampler2D u_tex0, u_tex1, u_tex2, u_tex3, u_tex4;\n"                              \
	"#ifdef NEED_POSITION\n"                                                                   \
	"in vec3 v_position;\n"                                                                    \
	"#endif\n"                                                                                 \
	"#ifdef VERTEX_LIT\n"                                                                      \
	"in vec3 v_light;\n"                                                                       \
	"#elif defined(LIT)\n"                                                                     \
	"in vec3 v_normal;\n"                                                                      \
	"#endif\n"                                                                                 \
	"#ifdef TANGENT\n"                                                                         \
	"in vec4 v_tangent;\n"                                                                     \
	"#endif\n"                                                                                 \
	"#ifdef UV\n"                                                                              \
	"in vec2 v_uv0;\n"                                                                         \
	"#endif\n"                                                                                 \
	"#ifdef UV1\n"                                                                             \
	"in vec2 v_uv1;\n"                                                                         \
	"#endif\n"                                                                                 \
	"#ifdef COLOR\n"                                                                           \
	"in vec4 v_color;\n"                                                                       \
	"#endif\n"                                                                                 \
	"out vec4 o_color;\n"

#define FRAGMENT_HELPERS                                                                           \
	"#ifdef UV1\n"                                                                             \
	"vec2 uv_set(int i) { return u_uv_set[i] > 0.5 ? v_uv1 : v_uv0; }\n"                       \
	"#elif defined(UV)\n"                                                                      \
	"vec2 uv_set(int i) { return v_uv0; }\n"                                                   \
	"#endif\n"                                                                                 \
	"#ifdef UV_MATRIX\n"                                                                       \
	"vec2 uv(int i) { return (u_uv_matrix[i] * vec3(uv_set(i), 1.0)).xy; }\n"                  \
	"#elif defined(UV)\n"                                                                      \
	"vec2 uv(int i) { return uv_set(i); }\n"                                                   \
	"#endif\n"                                                                                 \
	"#ifdef FAST\n"                                                                            \
	"vec3 decode(vec3 c) { return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878); "   \
	"}\n"                                                                                      \
	"vec3 encode(vec3 c) {\n"                                                                  \
	"	return max(1.2121453 * sqrt(c) - 0.2013049 * c - 0.0176759, 0.0);\n"                     \
	"}\n"                                                                                      \
	"#else\n"                                                                                  \
	"vec3 decode(vec3 c) { return c; }\n"                                                      \
	"vec3 encode(vec3 c) {\n"                                                                  \
	"	return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055,\n"                        \
	"		step(vec3(0.0031308), c));\n"                                                           \
	"}\n"                                                                                      \
	"#endif\n"

/* Tangent space from the mesh, or from how the picture of the coordinates changes. */
#define FRAGMENT_NORMAL                                                                            \
	"#if defined(LIT) && !defined(VERTEX_LIT)\n"                                               \
	"vec3 normal() {\n"                                                                        \
	"	vec3 n = normalize(v_normal);\n"                                                         \
	"#ifdef NORMAL_MAP\n"                                                                      \
	"	vec3 m = texture(u_tex2, uv(2)).xyz * 2.0 - 1.0;\n"                                      \
	"	m.xy *= u_emissive.w;\n"                                                                 \
	"#ifdef TANGENT\n"                                                                         \
	"	vec3 t = normalize(v_tangent.xyz), b = cross(n, t) * v_tangent.w;\n"                     \
	"	n = normalize(m.x * t + m.y * b + m.z * n);\n"                                           \
	"#else\n"                                                                                  \
	"	vec3 px = dFdx(v_position), py = dFdy(v_position);\n"                                    \
	"	vec2 ux = dFdx(uv(2)), uy = dFdy(uv(2));\n"                                              \
	"	vec3 qx = cross(py, n), qy = cross(n, px);\n"                                            \
	"	float handed = dot(cross(px, py), n) < 0.0 ? -1.0 : 1.0;\n"                              \
	"	vec3 t = (qx * ux.x + qy * uy.x) * handed, b = (qx * ux.y + qy * uy.y) * "               \
	"handed;\n"                                                                                \
	"	float s = inversesqrt(max(max(dot(t, t), dot(b, b)), 1e-20));\n" /* texture        \
										    coordinates    \
										    grow           \
										    downwards,     \
										    bitangents     \
										    upwards */     \
	"	n = normalize(t * (m.x * s) - b * (m.y * s) + n * m.z);\n"                               \
	"#endif\n"                                                                                 \
	"#endif\n"                                                                                 \
	"#ifdef DOUBLE\n"                                                                          \
	"	n = gl_FrontFacing ? n : -n;\n"                                                          \
	"#endif\n"                                                                                 \
	"	return n;\n"                                                                             \
	"}\n"                                                                                      \
	"#endif\n"

/* Light k: four vectors from f_light[4k]; see struct draw_light. */
#define FRAGMENT_LIGHT                                                                             \
	"#if defined(LIT) && !defined(VERTEX_LIT)\n"                                               \
	"vec3 light_dir(int k, out vec3 e) {\n"                                                    \
	"	e = f_light[4 * k + 1].rgb;\n"                                                           \
	"#ifdef POSITIONS\n"                                                                       \
	"	vec4 p = f_light[4 * k];\n"                                                              \
	"	if (p.w > 0.5) {\n"                                                                      \
	"		vec3 d = p.xyz - v_position;\n"                                                         \
	"		float q = max(dot(d, d), 1e-4), r = q * f_light[4 * k + 1].w;\n"                        \
	"		vec3 l = d * inversesqrt(q);\n"                                                         \
	"		vec4 cone = f_light[4 * k + 3];\n"                                                      \
	"		float a = clamp(dot(f_light[4 * k + 2].xyz, -l) * cone.x + cone.y, 0.0, "               \
	"1.0);\n"                                                                                  \
	"		e *= a * a * clamp(1.0 - r * r, 0.0, 1.0) / q;\n"                                       \
	"		return l;\n"                                                                            \
	"	}\n"                                                                                     \
	"#endif\n"                                                                                 \
	"	return f_light[4 * k].xyz;\n"                                                            \
	"}\n"                                                                                      \
	"vec3 specular(vec3 f0, float a, vec3 n, vec3 v, vec3 l, float nl, float nv) {\n"          \
	"	vec3 h = normalize(l + v);\n"                                                            \
	"	float nh = max(dot(n, h), 0.0), lh = max(dot(l, h), 0.0), a2 = a * a;\n"                 \
	"	float d = nh * nh * (a2 - 1.0) + 1.0;\n"                                                 \
	"#ifdef FAST\n"                                                                            \
	"	return f0 * (a2 / (3.14159265 * d * d * max(lh * lh, 0.1) * (a * 4.0 + 2.0)));\n"        \
	"#else\n"                                                                                  \
	"	float m = 1.0 - lh, m2 = m * m;\n"                                                       \
	"	float g = nl * sqrt(nv * nv * (1.0 - a2) + a2) + nv * sqrt(nl * nl * (1.0 - a2) "        \
	"+ a2);\n"                                                                                 \
	"	return (f0 + (1.0 - f0) * (m2 * m2 * m)) *\n"                                            \
	"		(a2 / (3.14159265 * d * d) * 0.5 / max(g, 1e-5));\n"                                    \
	"#endif\n"                                                                                 \
	"}\n"                                                                                      \
	"#endif\n"

/* Reflections of sky and ground stand in for an environment: B. Karis's fit of the split sum. */
#define FRAGMENT_SHADE                                                                             \
	"#if defined(LIT) && !defined(VERTEX_LIT)\n"                                               \
	"vec3 shade(vec3 base) {\n"                                                                \
	"	vec3 n = normal(), e, c = vec3(0.0);\n"                                                  \
	"	vec3 ambient = mix(f_ground.rgb, f_sky.rgb, n.y * 0.5 + 0.5);\n"                         \
	"#ifdef MATTE\n"                                                                           \
	"	for (int k = 0; k < LIGHTS; k++) {\n"                                                    \
	"		vec3 l = light_dir(k, e);\n"                                                            \
	"		c += e * max(dot(n, l), 0.0);\n"                                                        \
	"	}\n"                                                                                     \
	"	c = base * (c * 0.31830989 + ambient);\n"                                                \
	"#else\n"                                                                                  \
	"	float metal = u_surface.x, rough = u_surface.y;\n"                                       \
	"#ifdef ROUGH\n"                                                                           \
	"	vec2 mr = texture(u_tex1, uv(1)).bg;\n"                                                  \
	"	metal *= mr.x;\n"                                                                        \
	"	rough *= mr.y;\n"                                                                        \
	"#endif\n"                                                                                 \
	"	rough = clamp(rough, 0.05, 1.0);\n"                                                      \
	"	float a = rough * rough;\n"                                                              \
	"	vec3 v = normalize(f_eye.xyz - v_position);\n"                                           \
	"	float nv = max(dot(n, v), 1e-3);\n"                                                      \
	"	vec3 f0 = mix(vec3(0.04), base, metal), diffuse = base * (1.0 - metal);\n"               \
	"	for (int k = 0; k < LIGHTS; k++) {\n"                                                    \
	"		vec3 l = light_dir(k, e);\n"                                                            \
	"		float nl = max(dot(n, l), 0.0);\n"                                                      \
	"		c += e * nl * (diffuse * 0.31830989 + specular(f0, a, n, v, l, nl, "                    \
	"nv));\n"                                                                                  \
	"	}\n"                                                                                     \
	"	vec4 r = rough * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, "          \
	"-0.04);\n"                                                                                \
	"	float s = min(r.x * r.x, exp2(-9.28 * nv)) * r.x + r.y;\n"                               \
	"	vec3 env = f0 * (-1.04 * s + r.z) + (1.04 * s + r.w);\n"                                 \
	"	float up = 2.0 * nv * n.y - v.y;\n"                                                      \
	"	vec3 seen = mix(f_ground.rgb, f_sky.rgb, up * 0.5 + 0.5);\n"                             \
	"	ambient = diffuse * ambient + env * seen;\n"                                             \
	"#ifdef OCCLUSION\n"                                                                       \
	"	ambient *= 1.0 + u_surface.w * (texture(u_tex3, uv(3)).r - 1.0);\n"                      \
	"#endif\n"                                                                                 \
	"	c += ambient;\n"                                                                         \
	"#endif\n"                                                                                 \
	"	return c;\n"                                                                             \
	"}\n"                                                                                      \
	"#endif\n"

const char *const shader_fragment_text =
	FRAGMENT_INPUTS FRAGMENT_HELPERS FRAGMENT_NORMAL FRAGMENT_LIGHT FRAGMENT_SHADE
	"void main() {\n"
	"#ifdef VERTEX_LIT\n"
	"	vec4 base = vec4(1.0, 1.0, 1.0, u_base.a);\n"
	"#else\n"
	"	vec4 base = u_base;\n"
	"#endif\n"
	"#ifdef COLOR\n"
	"	base *= v_color;\n"
	"#endif\n"
	"#ifdef BASE\n"
	"	vec4 t = texture(u_tex0, uv(0));\n"
	"#if defined(PLAIN) || defined(VERTEX_LIT)\n"
	"	base *= t;\n"
	"#else\n"
	"	base *= vec4(decode(t.rgb), t.a);\n"
	"#endif\n"
	"#endif\n"
	"#ifdef MASK\n"
	"	if (base.a < u_surface.z)\n"
	"		discard;\n"
	"#endif\n"
	"	vec3 c = base.rgb;\n"
	"#ifdef VERTEX_LIT\n"
	"	c = clamp((c + 0.055) * v_light - 0.055, 0.0, 1.0);\n"
	"#elif defined(LIT)\n"
	"	c = shade(c) + u_emissive.rgb\n"
	"#ifdef EMISSIVE\n"
	"		* decode(texture(u_tex4, uv(4)).rgb)\n"
	"#endif\n"
	"		;\n"
	"#endif\n"
	"#if !defined(PLAIN) && !defined(VERTEX_LIT)\n"
	"	c = encode(clamp(c, 0.0, 1.0));\n"
	"#endif\n"
	"#ifdef BLEND\n"
	"	o_color = vec4(c * base.a, base.a);\n"
	"#else\n"
	"	o_color = vec4(c, 1.0);\n"
	"#endif\n"
	"}\n";

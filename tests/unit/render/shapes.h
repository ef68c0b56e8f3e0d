/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small scenes as glTF text. Mesh 2k is a cube of 1 m around the origin with material k, mesh 2k +
 * 1 a square of 1 m in the plane z = 0 that faces +Z, texture coordinate (0, 0) at its upper left,
 * its left half coloured red by vertex when the mesh is one of the first two after the last
 * material (2n: cube, 2n + 1: square, both with material 0).
 */
#ifndef SHAPES_H
#define SHAPES_H

struct shapes {
	unsigned nmaterial;
	const char *materials; /* JSON, without the brackets */
	const char *nodes; /* the same; all of them are in the scene */
	unsigned nnode;
	const char *more; /* further top-level members, each with a comma before it; or NULL */
};

/* malloc'ed */
char *shapes_gltf(const struct shapes *s);
/* One cube with one material. */
char *shapes_cube(const char *material);

#define SHAPES_MAGENTA                                                                             \
	"{\"extensions\":{\"KHR_materials_unlit\":{}},"                                            \
	"\"pbrMetallicRoughness\":{\"baseColorFactor\":[1,0,1,1]}}"
#define SHAPES_UNLIT(color)                                                                        \
	"{\"extensions\":{\"KHR_materials_unlit\":{}},\"pbrMetallicRoughness\":"                   \
	"{\"baseColorFactor\":[" color "]}}"
/* sRGB image by its place in SHAPES_IMAGES */
#define SHAPES_UNLIT_IMAGE(i)                                                                      \
	"{\"extensions\":{\"KHR_materials_unlit\":{}},\"pbrMetallicRoughness\":"                   \
	"{\"baseColorTexture\":{\"index\":" i "}}}"
#define SHAPES_METAL "\"pbrMetallicRoughness\":{\"metallicFactor\":1,\"roughnessFactor\":0.5}"
#define SHAPES_MATTE "{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1}}"

/* 16 x 16 pixels, halves of 8: 0 red, green, blue and white quarters; 1 white, opaque on the left,
 * transparent on the right; 2 normals leaning to -x and to +x; 3 occlusion 0 and 1, roughness 1,
 * metallic 0; 4 normals leaning up (+y). Textures 0 to 4 show them unfiltered. */
#define SHAPES_IMAGES                                                                              \
	",\"samplers\":[{\"magFilter\":9728,\"minFilter\":9728,\"wrapS\":33071,\"wrapT\":33071}]," \
	"\"textures\":[{\"source\":0,\"sampler\":0},{\"source\":1,\"sampler\":0},"                 \
	"{\"source\":2,\"sampler\":0},{\"source\":3,\"sampler\":0},{\"source\":4,\"sampler\":0}]," \
	"\"images\":["                                                                             \
	"{\"uri\":\"data:image/"                                                                   \
	"png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAH0lEQVR4"                      \
	"2mP4z8CAFTH8JxGNaqBIAy4ZXGBUA000AAA7Tn6QjZ9E4gAAAABJRU5ErkJggg==\"},"                     \
	"{\"uri\":\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAYAAAAf8/"              \
	"9hAAAAGUlEQVR4"                                                                           \
	"2mP4Txgw4MMMowaMGjBqwHAxAAAKEnyuMOhfmgAAAABJRU5ErkJggg==\"},"                             \
	"{\"uri\":\"data:image/"                                                                   \
	"png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGElEQVR4"                      \
	"2mNQbbiFFd3CgRhGNYxqGL4aAKDA2ZAvKgtxAAAAAElFTkSuQmCC\"},"                                 \
	"{\"uri\":\"data:image/"                                                                   \
	"png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGElEQVR4"                      \
	"2mNg+M+AFf3HgRhGNYxqGL4aAF6MfpBfdrYhAAAAAElFTkSuQmCC\"},"                                 \
	"{\"uri\":\"data:image/"                                                                   \
	"png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR4"                      \
	"2mNouHWLJMQwqmFUw/DVAAB7oTQfIre8TAAAAABJRU5ErkJggg==\"}]"

#endif

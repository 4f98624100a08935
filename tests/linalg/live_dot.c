/* Runs one dot-product instruction of this CPU over rows read from stdin; what tests/linalg/test_units_live.py compares with.

   usage: live_dot INSTRUCTION    (vdpbf16ps, vcvtneps2bf16, vpdpbusd, vpdpbusds, tdpbf16ps, tdpbssd)
   Each row is one record of 32-bit words; all lanes of a vector, and all outputs of a tile, hold rows of their own:
     vdpbf16ps, vpdpbusd(s)   c, a (two bfloat16 or four bytes), b       -> d
     vcvtneps2bf16            x                                          -> bfloat16 in the low half
     tdpbf16ps, tdpbssd       c, a[16], b[16] (16 words along k)         -> d
   Exit code 3: the CPU (or the operating system) does not offer the instruction. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANES = 16, DEPTH = 16 };

static int has(const char *name) {
    static char text[1 << 16];
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return 0;
    int found = 0;
    while (!found && fgets(text, sizeof text, f)) {
        if (strncmp(text, "flags", 5)) continue;
        for (char *word = strtok(text, " \t\n"); word; word = strtok(NULL, " \t\n")) found |= !strcmp(word, name);
    }
    fclose(f);
    return found;
}

__attribute__((target("avx512f,avx512bf16"))) static void vdpbf16ps(const uint32_t *in, uint32_t *out) {
    uint32_t c[LANES], a[LANES], b[LANES];
    for (int i = 0; i < LANES; i++) c[i] = in[3 * i], a[i] = in[3 * i + 1], b[i] = in[3 * i + 2];
    __m512 d = _mm512_dpbf16_ps(_mm512_loadu_ps(c), (__m512bh)_mm512_loadu_si512(a), (__m512bh)_mm512_loadu_si512(b));
    _mm512_storeu_ps(out, d);
}

__attribute__((target("avx512f,avx512bf16"))) static void vcvtneps2bf16(const uint32_t *in, uint32_t *out) {
    uint16_t half[LANES];
    __m256bh d = _mm512_cvtneps_pbh(_mm512_loadu_ps(in));
    memcpy(half, &d, sizeof half);
    for (int i = 0; i < LANES; i++) out[i] = half[i];
}

__attribute__((target("avx512f,avx512vnni"))) static void vnni(const uint32_t *in, uint32_t *out, int saturate) {
    uint32_t c[LANES], a[LANES], b[LANES];
    for (int i = 0; i < LANES; i++) c[i] = in[3 * i], a[i] = in[3 * i + 1], b[i] = in[3 * i + 2];
    __m512i vc = _mm512_loadu_si512(c), va = _mm512_loadu_si512(a), vb = _mm512_loadu_si512(b);
    _mm512_storeu_si512(out, saturate ? _mm512_dpbusds_epi32(vc, va, vb) : _mm512_dpbusd_epi32(vc, va, vb));
}

struct __attribute__((packed)) tiles { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; };

/* One row of the tile product a time: C is 1 x 1, A 1 x 16 words, B 16 x 1 words. */
__attribute__((target("amx-tile,amx-bf16,amx-int8"))) static void amx(const uint32_t *in, uint32_t *out, int integer) {
    struct tiles t = {.palette = 1};
    t.bytes[0] = 4, t.rows[0] = 1;
    t.bytes[1] = 4 * DEPTH, t.rows[1] = 1;
    t.bytes[2] = 4, t.rows[2] = DEPTH;
    _tile_loadconfig(&t);
    for (int i = 0; i < LANES; i++, in += 1 + 2 * DEPTH) {
        _tile_loadd(0, in, 4);
        _tile_loadd(1, in + 1, 4 * DEPTH);
        _tile_loadd(2, in + 1 + DEPTH, 4);
        if (integer) _tile_dpbssd(0, 1, 2);
        else _tile_dpbf16ps(0, 1, 2);
        _tile_stored(0, out + i, 4);
    }
    _tile_release();
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    const char *what = argv[1];
    int is_amx = !strcmp(what, "tdpbf16ps") || !strcmp(what, "tdpbssd"), convert = !strcmp(what, "vcvtneps2bf16");
    int dot = !strcmp(what, "vdpbf16ps"), words = is_amx ? 1 + 2 * DEPTH : convert ? 1 : 3;
    const char *flag = is_amx ? (what[2] == 'p' && what[4] == 's' ? "amx_int8" : "amx_bf16") : convert || dot ? "avx512_bf16" : "avx512_vnni";
    if (!has(flag)) return 3;
    if (is_amx && syscall(SYS_arch_prctl, 0x1023, 18)) return 3; /* ARCH_REQ_XCOMP_PERM, tile data */
    uint32_t *in = calloc((size_t)LANES * words, 4), out[LANES];
    for (size_t n; (n = fread(in, 4 * words, LANES, stdin)) > 0; memset(in, 0, (size_t)LANES * words * 4)) {
        if (is_amx) amx(in, out, !strcmp(what, "tdpbssd"));
        else if (convert) vcvtneps2bf16(in, out);
        else if (dot) vdpbf16ps(in, out);
        else vnni(in, out, !strcmp(what, "vpdpbusds"));
        if (fwrite(out, 4, n, stdout) != n) return 1;
    }
    return 0;
}

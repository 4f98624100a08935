// Runs one tensor-core instruction over rows of operands and returns what the GPU computed: see README.md and record.py.
//
//   units INSTRUCTION < rows > results        units --list
//
// A row is 32-bit words: c, then K codes of a, K codes of b (one code a word, whatever its width), then the scale words of a and of b
// where the instruction has block scales. A result is one word: the bits of d (float16 results in the low half).
// One warp (wgmma: four) computes eight rows at a time: row j of A and column j of B hold row j, D[j][j] is its result.
// Exit codes: 0 done, 2 usage, 3 this GPU or this build has no such instruction.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#define HAS_FP8 (__CUDA_ARCH__ >= 890)
#define HAS_NARROW (defined(__CUDA_ARCH_FEAT_SM120_ALL) || defined(__CUDA_ARCH_FEAT_SM121_ALL))
#define HAS_WGMMA defined(__CUDA_ARCH_FEAT_SM90_ALL)

struct Registers { uint32_t a[4], b[2], c[4], d[4], sa, sb; uint64_t shared_b; };

// Instructions: name, body over r.d, r.a, r.b, r.c ------------------------------------------------------------------------

#define F32_4A(op) asm volatile(op " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};" \
    : "=r"(r.d[0]), "=r"(r.d[1]), "=r"(r.d[2]), "=r"(r.d[3]) : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), \
      "r"(r.b[0]), "r"(r.b[1]), "r"(r.c[0]), "r"(r.c[1]), "r"(r.c[2]), "r"(r.c[3]))
#define F32_2A(op) asm volatile(op " {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};" \
    : "=r"(r.d[0]), "=r"(r.d[1]), "=r"(r.d[2]), "=r"(r.d[3]) : "r"(r.a[0]), "r"(r.a[1]), "r"(r.b[0]), \
      "r"(r.c[0]), "r"(r.c[1]), "r"(r.c[2]), "r"(r.c[3]))
#define F16_4A(op) asm volatile(op " {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%8,%9};" : "=r"(r.d[0]), "=r"(r.d[1]) \
    : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), "r"(r.b[0]), "r"(r.b[1]), "r"(r.c[0]), "r"(r.c[1]))
#define F16_2A(op) asm volatile(op " {%0,%1}, {%2,%3}, {%4}, {%5,%6};" : "=r"(r.d[0]), "=r"(r.d[1]) \
    : "r"(r.a[0]), "r"(r.a[1]), "r"(r.b[0]), "r"(r.c[0]), "r"(r.c[1]))
#define SCALED(op) asm volatile(op " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13}, {%14}, {0,0}, {%15}, {0,0};" \
    : "=r"(r.d[0]), "=r"(r.d[1]), "=r"(r.d[2]), "=r"(r.d[3]) : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), \
      "r"(r.b[0]), "r"(r.b[1]), "r"(r.c[0]), "r"(r.c[1]), "r"(r.c[2]), "r"(r.c[3]), "r"(r.sa), "r"(r.sb))
#define WGMMA_F32(op, tail) asm volatile("{ .reg .pred p; setp.eq.u32 p, 0, 0; wgmma.fence.sync.aligned; " op \
    " {%0,%1,%2,%3}, {%4,%5,%6,%7}, %8, p, 1, 1" tail "; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }" \
    : "+r"(r.d[0]), "+r"(r.d[1]), "+r"(r.d[2]), "+r"(r.d[3]) : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), "l"(r.shared_b))
#define WGMMA_F16(op, tail) asm volatile("{ .reg .pred p; setp.eq.u32 p, 0, 0; wgmma.fence.sync.aligned; " op \
    " {%0,%1}, {%2,%3,%4,%5}, %6, p, 1, 1" tail "; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }" \
    : "+r"(r.d[0]), "+r"(r.d[1]) : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), "l"(r.shared_b))

#define INSTRUCTION(id, body) struct id { static __device__ bool run(Registers &r) { body; return true; } };
#define MISSING(id) struct id { static __device__ bool run(Registers &) { return false; } };

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 750
INSTRUCTION(mma_f16_f32_k8, F32_2A("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32"))
INSTRUCTION(mma_f16_f16_k8, F16_2A("mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16"))
#else
MISSING(mma_f16_f32_k8) MISSING(mma_f16_f16_k8)
#endif

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
INSTRUCTION(mma_f16_f32, F32_4A("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"))
INSTRUCTION(mma_f16_f16, F16_4A("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16"))
INSTRUCTION(mma_bf16_f32, F32_4A("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"))
INSTRUCTION(mma_tf32_f32, F32_4A("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"))
INSTRUCTION(mma_tf32_f32_k4, F32_2A("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32"))
INSTRUCTION(mma_s8_s32, F32_4A("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"))
#else
MISSING(mma_f16_f32) MISSING(mma_f16_f16) MISSING(mma_bf16_f32) MISSING(mma_tf32_f32) MISSING(mma_tf32_f32_k4) MISSING(mma_s8_s32)
#endif

#define FP8(X) X(e4m3, e4m3) X(e4m3, e5m2) X(e5m2, e4m3) X(e5m2, e5m2)
#define NARROW(X) X(e4m3, e4m3) X(e5m2, e5m2) X(e2m3, e2m3) X(e3m2, e3m2) X(e2m1, e2m1) X(e4m3, e2m1) X(e5m2, e3m2)
#define STRING(x) #x
#define DO_FP8(a, b) \
    INSTRUCTION(mma_##a##_##b##_f32, F32_4A("mma.sync.aligned.m16n8k32.row.col.f32." #a "." #b ".f32")) \
    INSTRUCTION(mma_##a##_##b##_f16, F16_4A("mma.sync.aligned.m16n8k32.row.col.f16." #a "." #b ".f16"))
#define NO_FP8(a, b) MISSING(mma_##a##_##b##_f32) MISSING(mma_##a##_##b##_f16)
#if !defined(__CUDA_ARCH__) || HAS_FP8
FP8(DO_FP8)
#else
FP8(NO_FP8)
#endif

#define DO_NARROW(a, b) \
    INSTRUCTION(narrow_##a##_##b##_f32, F32_4A("mma.sync.aligned.kind::f8f6f4.m16n8k32.row.col.f32." #a "." #b ".f32")) \
    INSTRUCTION(narrow_##a##_##b##_f16, F16_4A("mma.sync.aligned.kind::f8f6f4.m16n8k32.row.col.f16." #a "." #b ".f16")) \
    INSTRUCTION(mx_##a##_##b##_f32, SCALED("mma.sync.aligned.m16n8k32.row.col.kind::mxf8f6f4.block_scale.scale_vec::1X.f32." #a "." #b ".f32.ue8m0"))
#define NO_NARROW(a, b) MISSING(narrow_##a##_##b##_f32) MISSING(narrow_##a##_##b##_f16) MISSING(mx_##a##_##b##_f32)
#if HAS_NARROW
NARROW(DO_NARROW)
INSTRUCTION(mxf4_f32, SCALED("mma.sync.aligned.m16n8k64.row.col.kind::mxf4.block_scale.scale_vec::2X.f32.e2m1.e2m1.f32.ue8m0"))
INSTRUCTION(nvf4_f32, SCALED("mma.sync.aligned.m16n8k64.row.col.kind::mxf4nvf4.block_scale.scale_vec::4X.f32.e2m1.e2m1.f32.ue4m3"))
#else
NARROW(NO_NARROW) MISSING(mxf4_f32) MISSING(nvf4_f32)
#endif

#define DO_WGMMA(a, b) \
    INSTRUCTION(wgmma_##a##_##b##_f32, WGMMA_F32("wgmma.mma_async.sync.aligned.m64n8k32.f32." #a "." #b, "")) \
    INSTRUCTION(wgmma_##a##_##b##_f16, WGMMA_F16("wgmma.mma_async.sync.aligned.m64n8k32.f16." #a "." #b, ""))
#define NO_WGMMA(a, b) MISSING(wgmma_##a##_##b##_f32) MISSING(wgmma_##a##_##b##_f16)
#if HAS_WGMMA
FP8(DO_WGMMA)
INSTRUCTION(wgmma_f16_f32, WGMMA_F32("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16", ", 0"))
INSTRUCTION(wgmma_f16_f16, WGMMA_F16("wgmma.mma_async.sync.aligned.m64n8k16.f16.f16.f16", ", 0"))
INSTRUCTION(wgmma_bf16_f32, WGMMA_F32("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16", ", 0"))
INSTRUCTION(wgmma_tf32_f32, WGMMA_F32("wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32", ""))
#else
FP8(NO_WGMMA) MISSING(wgmma_f16_f32) MISSING(wgmma_f16_f16) MISSING(wgmma_bf16_f32) MISSING(wgmma_tf32_f32)
#endif

// The walk over rows --------------------------------------------------------------------------------------------------

// bits of an operand in a register; k = 4 (32 / bits) times the registers of b
template <class Op, int BITS, int K, bool HALF, int SCALES>
__global__ void rows(const uint32_t *in, uint32_t *out, int *missing, int count) {
    constexpr int EACH = 32 / BITS, NB = K / (4 * EACH), WORDS = 1 + 2 * K + 2 * SCALES;
    __shared__ alignas(128) uint8_t shared_b[256];
    const int lane = threadIdx.x % 32, group = lane / 4, thread = lane % 4, row = blockIdx.x * 8 + group;
    const uint32_t *my = in + (size_t)(row < count ? row : 0) * WORDS, *a = my + 1, *b = a + K, *scales = b + K;
    Registers r{};
    for (int i = 0; i < 2 * NB; i++)
        for (int j = 0; j < EACH; j++) r.a[i] |= a[thread * EACH + j + (i >> 1) * 4 * EACH] << (j * BITS % 32);
    for (int i = 0; i < NB; i++)
        for (int j = 0; j < EACH; j++) r.b[i] |= b[thread * EACH + j + i * 4 * EACH] << (j * BITS % 32);
    for (int i = 0; i < 4; i++) r.c[i] = r.d[i] = HALF ? my[0] | my[0] << 16 : my[0];
    for (int i = 0; i < SCALES; i++) r.sa |= scales[i] << 8 * i, r.sb |= scales[SCALES + i] << 8 * i;
    if (threadIdx.x < 32)  // for wgmma: B in two 8 x 16-byte blocks, k-major, no swizzle
        for (int i = 0; i < NB && i < 2; i++) memcpy(shared_b + i * 128 + group * 16 + thread * 4, &r.b[i], 4);
    __syncthreads();
#if HAS_WGMMA
    asm volatile("fence.proxy.async.shared::cta;");
    r.shared_b = ((uint64_t)__cvta_generic_to_shared(shared_b) & 0x3FFFF) >> 4 | (uint64_t)(128 >> 4) << 16 | (uint64_t)(256 >> 4) << 32;
#endif
    if (!Op::run(r)) *missing = 1;
    if (threadIdx.x < 32 && thread == group / 2 && row < count)
        out[row] = HALF ? r.d[0] >> (group & 1) * 16 & 0xFFFF : r.d[group & 1];
}

using Kernel = void (*)(const uint32_t *, uint32_t *, int *, int);
struct Entry { const char *name; Kernel kernel; int k, scales, threads; };

#define MMA(id, bits, k, half) {#id, rows<id, bits, k, half, 0>, k, 0, 32},
#define WG(id, bits, k, half) {#id, rows<id, bits, k, half, 0>, k, 0, 128},
#define LIST_FP8(a, b) MMA(mma_##a##_##b##_f32, 8, 32, false) MMA(mma_##a##_##b##_f16, 8, 32, true)
#define LIST_NARROW(a, b) MMA(narrow_##a##_##b##_f32, 8, 32, false) MMA(narrow_##a##_##b##_f16, 8, 32, true) \
    {STRING(mx_##a##_##b##_f32), rows<mx_##a##_##b##_f32, 8, 32, false, 1>, 32, 1, 32},
#define LIST_WGMMA(a, b) WG(wgmma_##a##_##b##_f32, 8, 32, false) WG(wgmma_##a##_##b##_f16, 8, 32, true)

static const Entry TABLE[] = {
    MMA(mma_f16_f32_k8, 16, 8, false) MMA(mma_f16_f16_k8, 16, 8, true) MMA(mma_f16_f32, 16, 16, false) MMA(mma_f16_f16, 16, 16, true)
    MMA(mma_bf16_f32, 16, 16, false) MMA(mma_tf32_f32, 32, 8, false) MMA(mma_tf32_f32_k4, 32, 4, false) MMA(mma_s8_s32, 8, 32, false)
    FP8(LIST_FP8) NARROW(LIST_NARROW)
    {"mxf4_f32", rows<mxf4_f32, 4, 64, false, 2>, 64, 2, 32}, {"nvf4_f32", rows<nvf4_f32, 4, 64, false, 4>, 64, 4, 32},
    FP8(LIST_WGMMA) WG(wgmma_f16_f32, 16, 16, false) WG(wgmma_f16_f16, 16, 16, true) WG(wgmma_bf16_f32, 16, 16, false)
    WG(wgmma_tf32_f32, 32, 8, false)
};

static void check(cudaError_t e) {
    if (e != cudaSuccess) fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(e)), exit(3);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (const Entry &e : TABLE) printf("%s %d %d\n", e.name, e.k, e.scales);
        return 0;
    }
    for (const Entry &e : TABLE) {
        if (argc != 2 || strcmp(argv[1], e.name)) continue;
        const size_t words = 1 + 2 * e.k + 2 * e.scales;
        std::vector<uint32_t> in, part(words * 4096);
        for (size_t n; (n = fread(part.data(), 4, part.size(), stdin)) > 0;) in.insert(in.end(), part.begin(), part.begin() + n);
        const int count = int(in.size() / words);
        uint32_t *din, *dout;
        int *missing, absent = 0;
        check(cudaMalloc(&din, in.size() * 4 + 4)), check(cudaMalloc(&dout, count * 4 + 4)), check(cudaMalloc(&missing, 4));
        check(cudaMemcpy(din, in.data(), in.size() * 4, cudaMemcpyHostToDevice)), check(cudaMemset(missing, 0, 4));
        e.kernel<<<(count + 7) / 8, e.threads>>>(din, dout, missing, count);
        check(cudaGetLastError()), check(cudaDeviceSynchronize());
        std::vector<uint32_t> out(count);
        check(cudaMemcpy(out.data(), dout, count * 4, cudaMemcpyDeviceToHost));
        check(cudaMemcpy(&absent, missing, 4, cudaMemcpyDeviceToHost));
        if (absent) return 3;
        return fwrite(out.data(), 4, count, stdout) == size_t(count) ? 0 : 1;
    }
    fprintf(stderr, "usage: units INSTRUCTION < rows > results; units --list\n");
    return 2;
}

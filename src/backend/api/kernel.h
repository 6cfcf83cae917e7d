// Kernels: named implementations of an op for one kind of device. The list is closed, ordered and enumerable;
// a kernel says why it refuses a use. What everybody may ask of a kernel is its KernelInfo; how it is run is
// known to its own kind only, here CpuKernel. Light on purpose: files compiled for wide instruction sets
// include this header, so it must not bring in containers or streams (see backend/cpu/isa.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/api/place.h"
#include "base/worker.h"
#include "ir/op_site.h"
#include "tensor/shape.h"

namespace gannet {

// Instruction sets in order of preference; each x86 one contains those before it.
enum class Isa : uint8_t { kScalar, kAvx2, kAvx512, kAvx512Vnni, kNeon };

// Steps of at most so many rows are exact throughout, and so are values of at most so many in larger steps.
inline constexpr int64_t kExactRows = 64;

// How many rows of a step are in use, and which of them must be exact. Rows are the first axis of token-major
// values; a value with fewer rows than the step (those that get logits) has `live` at least as many.
struct StepRows {
  static constexpr int64_t kNotSaid = int64_t{1} << 62;  // of a step by itself, as tests run them
  // Rows [live, ...) are padding: kernels may leave their results as they are, route nothing for them and
  // write no state. A kernel may also compute them.
  int64_t live = kNotSaid;
  // Rows [0, exact) must come out the same to the bit whatever other rows share the step; the others may take
  // kernels that are faster for many rows.
  int64_t exact = 0;
  // Rows of the step, padding included. The first axis of a value with more is something else (the choices of
  // all tokens, say): all of it is live, and exact when the whole step is.
  int64_t step = kNotSaid;

  // Of the n rows of a value: how many are live, and how many of these must be exact.
  GANNET_INLINE int64_t live_of(int64_t n) const { return n < live || n > step ? n : live; }
  GANNET_INLINE int64_t exact_of(int64_t n) const {
    if (n > step) return exact < live ? 0 : n;
    // Of a prompt these are the rows that get logits or hidden rows: how many do must not change any.
    if (n < step && step != kNotSaid && n <= kExactRows) return live_of(n);
    return live_of(n) < exact ? live_of(n) : exact;
  }
};

// Memory of one execution of a step. Operands and results in the order of the OpDef; an optional operand that
// is not given has data == nullptr. State operands: data points at a KvView or RecurrentView.
struct KernelArgs {
  const TensorView* operands;
  const TensorView* results;
  const void* attrs;     // the op's attribute struct
  std::byte* workspace;  // 64-byte aligned, shared by all members, CpuKernel::workspace bytes
  int n_operands = 0;    // more than the OpDef's list when its last operand is variadic
  StepRows rows = {};

  template <class A>
  GANNET_INLINE const A& as() const {
    return *static_cast<const A*>(attrs);
  }
};

// A kernel for the CPU, as its source lists it.
struct CpuKernel {
  const char* op;    // OpDef::name
  const char* name;  // unique per op: "reference", "avx2", "avx512vnni.gemm"
  Isa isa;
  int priority;  // among accepted kernels of the best instruction set the highest wins

  // Null: accepted. Otherwise a short reason ("activations must be F32").
  const char* (*refuses)(const OpSite& site);

  // Bytes of workspace for this use with a team of n_threads; null means none.
  int64_t (*workspace)(const OpSite& site, int n_threads);

  // Called by every member of the team at once; splits the work by worker.index()/count() or worker.claim(),
  // and may use worker.barrier(). On return of all members the results are complete. The executor puts a
  // barrier after it and starts claims at 0. Must not allocate, lock or throw.
  void (*run)(const KernelArgs& args, Worker& worker);

  // How often run() makes its members wait for each other (barrier() or reset_claims()); null means never.
  int (*barriers)(const OpSite& site, int n_threads) = nullptr;
};

// What is known of every kernel, whatever runs it: enough to choose it and to make room for it. Fields as in
// CpuKernel.
struct KernelInfo {
  const char* op = nullptr;
  const char* name = nullptr;
  DeviceKind device = DeviceKind::kCpu;
  Isa isa = Isa::kScalar;  // CPU only
  int priority = 0;
  const char* (*refuses)(const OpSite& site) = nullptr;
  int64_t (*workspace)(const OpSite& site, int n_threads) = nullptr;  // n_threads: 1 on other devices

  // How it is run: a CpuKernel, or what the executor of another kind of device needs.
  const void* tail = nullptr;

  KernelInfo() = default;
  explicit KernelInfo(const CpuKernel& kernel)
      : op(kernel.op),
        name(kernel.name),
        isa(kernel.isa),
        priority(kernel.priority),
        refuses(kernel.refuses),
        workspace(kernel.workspace),
        tail(&kernel) {}

  // These are only for kernels of the CPU.
  const CpuKernel& cpu() const { return *static_cast<const CpuKernel*>(tail); }
  void run(const KernelArgs& args, Worker& worker) const { cpu().run(args, worker); }
  int barriers(const OpSite& site, int n_threads) const {
    return cpu().barriers == nullptr ? 0 : cpu().barriers(site, n_threads);
  }
};

}  // namespace gannet

// Each kernel source ends with GANNET_KERNELS(NAME, {...}, {...}), NAME being the op, or OP_STEM in a source
// OP/STEM.cpp other than cpu.cpp and reference.cpp: the build knows the table by that name and instruction
// set and collects all of them in the generated registry.
#define GANNET_KERNELS(NAME, ...)                       \
  namespace gannet::GANNET_ISA_NS {                     \
  extern const CpuKernel kernels_##NAME[];              \
  const CpuKernel kernels_##NAME[] = {__VA_ARGS__, {}}; \
  }

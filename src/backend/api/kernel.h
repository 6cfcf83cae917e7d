// Kernels: named implementations of an op for one backend and instruction set. The list is closed, ordered
// and enumerable; a kernel says why it refuses a use. Light on purpose: files compiled for wide instruction
// sets include this header, so it must not bring in containers or streams (see backend/cpu/isa.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/worker.h"
#include "ir/op_site.h"
#include "tensor/shape.h"

namespace gannet {

// Instruction sets in order of preference; each x86 one contains those before it.
enum class Isa : uint8_t { kScalar, kAvx2, kAvx512, kAvx512Vnni, kNeon };

// Memory of one execution of a step. Operands and results in the order of the OpDef; an optional operand that
// is not given has data == nullptr. State operands: data points at a KvView or RecurrentView.
struct KernelArgs {
  const TensorView* operands;
  const TensorView* results;
  const void* attrs;     // the op's attribute struct
  std::byte* workspace;  // 64-byte aligned, shared by all members, KernelInfo::workspace bytes
  int n_operands = 0;    // more than the OpDef's list when its last operand is variadic

  template <class A>
  GANNET_INLINE const A& as() const {
    return *static_cast<const A*>(attrs);
  }
};

struct KernelInfo {
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

}  // namespace gannet

// Each kernel source ends with GANNET_KERNELS(NAME, {...}, {...}), NAME being the op, or OP_STEM in a source
// OP/STEM.cpp other than cpu.cpp and reference.cpp: the build knows the table by that name and instruction
// set and collects all of them in the generated registry.
#define GANNET_KERNELS(NAME, ...)                        \
  namespace gannet::GANNET_ISA_NS {                      \
  extern const KernelInfo kernels_##NAME[];              \
  const KernelInfo kernels_##NAME[] = {__VA_ARGS__, {}}; \
  }

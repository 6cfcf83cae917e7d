// A set of kernels as a value, and the choice among them. Production uses all kernels (ops/catalogue.h);
// tests build registries with one kernel.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/kernel.h"
#include "base/result.h"

namespace gannet {

const char* isa_name(Isa isa);                       // "scalar", "avx2", "avx512", "avx512vnni", "neon"
Result<Isa> isa_from_name(const std::string& name);  // kUsage, lists the names

struct KernelCandidate {
  const KernelInfo* kernel;
  const char* refusal;  // null: accepted
};

struct KernelChoice {
  const KernelInfo* kernel = nullptr;       // null: nobody accepts
  std::vector<KernelCandidate> candidates;  // best first
};

// The kernel that measurement found fastest for steps of more than kExactRows rows (axis 0 of operand 0) with
// weights of a type. It is taken where it accepts the use; of a use with weights of several types, the kernel
// of most elements.
struct KernelPreference {
  std::string op;
  DType weights = DType::kF32;
  std::string kernel;
};

// Rules for choosing. `isas` are the instruction sets that may be used (the machine's, or fewer when forced);
// they are for the CPU's kernels.
struct KernelPolicy {
  std::vector<Isa> isas;
  std::map<std::string, std::string> forced;  // op name -> kernel name, on devices that have such a kernel
  std::vector<KernelPreference> preferred{};  // for devices; what is forced counts more
};

class KernelRegistry {
 public:
  void add_table(const CpuKernel* table);  // ends with an entry whose op is null; must outlive the registry
  void add(const KernelInfo& kernel);      // of any kind of device; its strings and tail must outlive it

  const std::vector<const KernelInfo*>& kernels() const { return kernels_; }
  const std::vector<const KernelInfo*>& kernels_of(const OpDef& op) const;

  // Best accepted kernel for a kind of device: a forced one if named, else a preferred one, else the widest
  // allowed instruction set, then priority. Kernels for other kinds are no candidates. `features`: those of
  // the device (DeviceFeature).
  KernelChoice choose(const OpDef& op, const OpSite& site, const KernelPolicy& policy,
                      DeviceKind device = DeviceKind::kCpu, uint32_t features = 0) const;

 private:
  std::vector<std::shared_ptr<const KernelInfo>> owned_;
  std::vector<const KernelInfo*> kernels_;
  std::map<std::string, std::vector<const KernelInfo*>, std::less<>> by_op_;
};

}  // namespace gannet

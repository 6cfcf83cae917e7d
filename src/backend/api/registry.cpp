#include "backend/api/registry.h"

#include <algorithm>

#include <fmt/core.h>

#include "backend/api/recorder.h"
#include "ir/op_def.h"

namespace gannet {
namespace {

constexpr const char* kIsaNames[] = {"scalar", "avx2", "avx512", "avx512vnni", "neon"};

// The name of the kernel that the policy prefers for a use; null: none.
const std::string* preferred_name(const OpDef& op, const OpSite& site, const KernelPolicy& policy) {
  if (site.n_operands == 0 || site.operands[0].shape.rank == 0 || site.operands[0].shape.dim[0] <= kExactRows)
    return nullptr;
  std::map<std::string_view, int64_t> elements;
  const std::string* best = nullptr;
  for (const KernelPreference& preference : policy.preferred) {
    if (preference.op != op.name) continue;
    int64_t& sum = elements[preference.kernel];
    for (int i = 0; i < site.n_operands; ++i)
      if (site.operands[i].shape.rank > 1 && site.operands[i].dtype == preference.weights)
        sum += site.operands[i].shape.elements();
    if (sum > (best == nullptr ? 0 : elements[*best])) best = &preference.kernel;
  }
  return best;
}

}  // namespace

const char* isa_name(Isa isa) {
  return kIsaNames[static_cast<int>(isa)];
}

Result<Isa> isa_from_name(const std::string& name) {
  for (int i = 0; i < static_cast<int>(std::size(kIsaNames)); ++i)
    if (name == kIsaNames[i]) return static_cast<Isa>(i);
  return Error(
      ErrorCode::kUsage,
      fmt::format("there is no instruction set \"{}\"; known: scalar, avx2, avx512, avx512vnni, neon", name));
}

void KernelRegistry::add_table(const CpuKernel* table) {
  for (; table->op != nullptr; ++table) add(KernelInfo(*table));
}

void KernelRegistry::add(const KernelInfo& kernel) {
  owned_.push_back(std::make_shared<const KernelInfo>(kernel));
  kernels_.push_back(owned_.back().get());
  by_op_[kernel.op].push_back(owned_.back().get());
}

const std::vector<const KernelInfo*>& KernelRegistry::kernels_of(const OpDef& op) const {
  static const std::vector<const KernelInfo*> none;
  const auto it = by_op_.find(std::string_view(op.name));
  return it == by_op_.end() ? none : it->second;
}

KernelChoice KernelRegistry::choose(const OpDef& op, const OpSite& site, const KernelPolicy& policy,
                                    DeviceKind device, uint32_t features) const {
  KernelChoice choice;
  // On a device that has no kernel of this name the rule says nothing: another one may run a part of the
  // model.
  auto forced = policy.forced.find(op.name);
  if (forced != policy.forced.end() && std::ranges::none_of(kernels_of(op), [&](const KernelInfo* kernel) {
        return kernel->device == device && forced->second == kernel->name;
      }))
    forced = policy.forced.end();
  const std::string* preferred = device == DeviceKind::kCpu || forced != policy.forced.end()
                                     ? nullptr
                                     : preferred_name(op, site, policy);
  const auto is_preferred = [&](const KernelCandidate& candidate) {
    return preferred != nullptr && *preferred == candidate.kernel->name;
  };
  for (const KernelInfo* kernel : kernels_of(op)) {
    if (kernel->device != device) continue;
    KernelCandidate candidate{kernel, nullptr};
    if (forced != policy.forced.end() && forced->second != kernel->name) {
      candidate.refusal = "another kernel is forced";
    } else if (device == DeviceKind::kCpu &&
               std::find(policy.isas.begin(), policy.isas.end(), kernel->isa) == policy.isas.end()) {
      candidate.refusal = "instruction set not available";
    } else if (device != DeviceKind::kCpu && (recorded_kernel(*kernel).needs & ~features) != 0) {
      candidate.refusal = "the device lacks what it needs";
    } else if (kernel->refuses != nullptr) {
      candidate.refusal = kernel->refuses(site);
    }
    choice.candidates.push_back(std::move(candidate));
  }
  std::stable_sort(choice.candidates.begin(), choice.candidates.end(),
                   [&](const KernelCandidate& a, const KernelCandidate& b) {
                     if ((a.refusal == nullptr) != (b.refusal == nullptr)) return a.refusal == nullptr;
                     if (is_preferred(a) != is_preferred(b)) return is_preferred(a);
                     if (a.kernel->isa != b.kernel->isa) return a.kernel->isa > b.kernel->isa;
                     return a.kernel->priority > b.kernel->priority;
                   });
  if (!choice.candidates.empty() && choice.candidates[0].refusal == nullptr)
    choice.kernel = choice.candidates[0].kernel;
  return choice;
}

}  // namespace gannet

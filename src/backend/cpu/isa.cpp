#include "backend/cpu/isa.h"

#include <fmt/format.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace gannet {

std::vector<Isa> machine_isas() {
  std::vector<Isa> isas = {Isa::kScalar};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
      __builtin_cpu_supports("bmi2")) {
    isas.push_back(Isa::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      isas.push_back(Isa::kAvx512);
      if (__builtin_cpu_supports("avx512vnni")) isas.push_back(Isa::kAvx512Vnni);
    }
  }
#elif defined(__aarch64__)
  const unsigned long caps = getauxval(AT_HWCAP);
  if ((caps & HWCAP_ASIMD) && (caps & HWCAP_ASIMDDP)) isas.push_back(Isa::kNeon);
#endif
  return isas;
}

Result<std::vector<Isa>> isas_up_to(Isa limit) {
  const std::vector<Isa> all = machine_isas();
  std::vector<Isa> isas;
  bool found = false;
  for (Isa isa : all) {
    if (isa > limit) continue;
    isas.push_back(isa);
    found = found || isa == limit;
  }
  if (!found)
    return Error(ErrorCode::kUsage,
                 fmt::format("this machine has no {} instructions; `gannet devices` lists what it has",
                             isa_name(limit)));
  return isas;
}

}  // namespace gannet

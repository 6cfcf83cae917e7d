#include "backend/cpu/isa.h"

#include <fmt/core.h>

#include "backend/cpu/fetch.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace gannet {
namespace {

// AMD's Zen 5, or what comes after it.
bool is_zen5_or_later() {
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__builtin_cpu_is("amd") || __get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  const unsigned family = (eax >> 8 & 0xF) + (eax >> 20 & 0xFF);
  return family >= 0x1A;
#else
  return false;
#endif
}

}  // namespace

const bool fetches_near = is_zen5_or_later();

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

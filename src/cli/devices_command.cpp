// `gannet devices`: what this machine offers and which kernels this program has for it.
#include <algorithm>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "backend/cpu/isa.h"
#include "base/huge_pages.h"
#include "base/printable.h"
#include "base/thread_team.h"
#include "cli/command.h"
#include "cli/inspect_text.h"
#include "cli/machine_facts.h"
#include "cli/read_bandwidth.h"
#include "cli/say.h"
#include "engine/devices.h"
#include "engine/prompt_kernels.h"
#include "ops/catalogue.h"
#include "speculation/profile.h"

namespace gannet {
namespace {

struct DevicesOptions {
  bool kernels = false;
  int threads = 0;
};

std::string caches_text(const MachineFacts& facts) {
  std::string text;
  for (const CacheFacts& cache : facts.caches) {
    const char* suffix = cache.type == "Data" ? "d" : cache.type == "Instruction" ? "i" : "";
    text += fmt::format("{}{} x L{}{} {}", text.empty() ? "" : ", ", cache.count, cache.level, suffix,
                        human_bytes(static_cast<uint64_t>(cache.bytes)));
  }
  return text.empty() ? "unknown" : text;
}

Result<void> run_devices(const DevicesOptions& o) {
  if (o.kernels) {
    for (const KernelInfo* kernel : all_kernels().kernels())
      GANNET_TRY(print("{}={} ({})\n", kernel->op, kernel->name, isa_name(kernel->isa)));
    for (const KernelInfo* kernel : recorded_kernels().kernels())
      GANNET_TRY(print("{}={} ({})\n", kernel->op, kernel->name, device_kind_name(kernel->device)));
    return {};
  }
  const MachineFacts facts = machine_facts();
  const int cores = ThreadTeam::physical_cores(), threads = o.threads > 0 ? o.threads : cores;
  std::string isas;
  for (Isa isa : machine_isas()) isas += fmt::format("{}{}", isas.empty() ? "" : " ", isa_name(isa));
  GANNET_TRY(print("CPU: {}\n", facts.cpu_name));
  GANNET_TRY(print("  cores: {} usable, {} logical processors\n", cores, facts.n_logical));
  GANNET_TRY(print("  instruction sets: {}\n", isas));
  GANNET_TRY(print("  caches: {}\n", caches_text(facts)));
  GANNET_TRY(print("  memory: {}, {} available, {} node{}\n",
                   human_bytes(static_cast<uint64_t>(facts.memory_bytes)),
                   human_bytes(static_cast<uint64_t>(facts.available_bytes)), std::max(1, facts.n_nodes),
                   facts.n_nodes > 1 ? "s" : ""));
  const HugePageFacts pages = huge_page_facts();
  GANNET_TRY(print("  huge pages: {}, {} reserved and free{}\n", pages.text(),
                   human_bytes(static_cast<uint64_t>(pages.reserved_free)),
                   pages.remedy().empty() ? "" : "; to have them, " + pages.remedy()));
  const double bandwidth = GANNET_TRY(read_bandwidth(threads, {}));
  GANNET_TRY(print("  read bandwidth: {:.1f} GB/s with {} threads\n", 1e-9 * bandwidth, threads));
  std::string line;
  const auto devices = find_devices();
  if (!devices.ok()) return print("GPU: none ({})\n", devices.error().message());
  const DeviceFigures figures(device_figures_path(profile_folder()));
  for (const FoundDevice& device : *devices) {
    GANNET_TRY(print("{}: ", device.name));
    for (std::istringstream lines(device.text); std::getline(lines, line);)
      GANNET_TRY(print("{}\n", printable(line, 1000)));
    GANNET_TRY(print("{}", prompt_kernels_text(device.key, figures)));
  }
  return {};
}

}  // namespace

Command devices_command() {
  auto o = std::make_shared<DevicesOptions>();
  return {.name = "devices",
          .summary = "List the devices of this machine, or the kernels of this program",
          .options = {{.names = "--kernels",
                       .help = "List kernels as OP=NAME (instruction set), for --kernel",
                       .target = &o->kernels},
                      {.names = "-t,--threads",
                       .value = "N",
                       .help = "Threads to measure with; 0: one per physical core",
                       .target = &o->threads,
                       .at_least = 0,
                       .at_most = kMostThreads}},
          .action = [o] { return run_devices(*o); }};
}

}  // namespace gannet

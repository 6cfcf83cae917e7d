// Running a graph on made-up data, the same for every graph with the same names: what two graphs that should
// mean the same are compared by.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/registry.h"
#include "ir/graph.h"

namespace gannet {

// Outputs of a graph, and its states afterwards.
struct GraphRun {
  std::map<std::string, std::vector<float>> values;
  std::vector<std::string> taken_apart;  // ops that had no kernel
};

struct GraphRunOptions {
  std::vector<Isa> isas;
  std::shared_ptr<Device> device = nullptr;  // null: the CPU
  const KernelRegistry* kernels = nullptr;   // null: all
};

// Inputs, parameters and states get random values that depend on their names and types only (inputs with a
// source get what it says); the plan runs with two threads, dead buffers poisoned, twice, so that the second
// run sees a state that moved on. Everything lies on the device. Ops that have no kernel there are taken
// apart.
GraphRun run_graph(const Graph& graph, const GraphRunOptions& options);
GraphRun run_on_reference(const Graph& graph);

// Every output of `a` is in `b` with a normalised mean square error of at most `nmse` (0: equal bits).
void expect_same(const GraphRun& a, const GraphRun& b, double nmse);

}  // namespace gannet

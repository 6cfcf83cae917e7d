// Cuts a graph into pieces for several devices: every op runs where its parameters and states lie, so that
// weights never travel; what one piece makes and another one reads crosses a border.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/plan.h"
#include "ir/graph.h"

namespace gannet {

struct GraphPiece {
  size_t home;
  Graph graph;
};

// A value that is read elsewhere than where it is made: output `name` of the piece that makes it, a parameter
// of that name of those that read it.
struct Border {
  static constexpr size_t kGiven = ~size_t{0};  // hidden rows that the caller puts on the first home

  std::string name;
  TensorType type;
  size_t maker = kGiven;        // piece
  std::vector<size_t> readers;  // pieces, rising
  bool kept = false;            // on the first home, until the run is over
};

struct SplitGraph {
  std::vector<GraphPiece> pieces;  // in the order in which they run
  std::vector<Border> borders;
  std::vector<size_t> output_pieces;  // by output of the graph: which makes it
  std::vector<int> output_borders;    // its border that is kept; -1: the piece is the last of its home
};

// Ops whose parameters lie on two homes are taken apart first; those without parameters run where their first
// operand was made. A piece goes on as long as there is work for its home. `on_first`: outputs that are
// wanted on home 0. Errors: kUsage naming an op's parameters that must lie together.
Result<SplitGraph> split_graph(const Graph& graph, const HomeOf& home_of, const DecomposeContext& context,
                               std::span<const std::string> on_first);

}  // namespace gannet

// How the shaders of the delta rule are dispatched, by gated_delta_rule and by delta_mixer, which has shaders
// of its own for what goes row by row. Only for their vulkan.cpp.
#pragma once

#include <algorithm>
#include <array>

#include "backend/api/recurrent_arguments.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet {

struct DeltaRecording {
  int64_t n_rows, key_heads, heads, s;
  bool tiled;

  static constexpr int64_t kChunk = 32;  // of delta.glsl
  static constexpr uint32_t kChunkGroup = 256;

  // Four invocations have up to two rows of the state in registers.
  static const char* refuses(int64_t s) {
    return s > 128 || s % 4 != 0 ? "heads of more than 128 or no multiple of 4" : nullptr;
  }

  int64_t floats_of_keys() const { return n_rows * key_heads * 2 * s; }
  int64_t floats_of_gates() const { return n_rows * heads * 2; }
  // The rows that every step must have exact go without chunks.
  bool chunks() const { return n_rows > kExactRows; }
  int64_t floats_of_w() const { return chunks() ? n_rows * heads * s : 0; }
  int64_t floats_of_cross() const { return chunks() ? n_rows * heads * kChunk : 0; }

  // In the workspace, in this order. All begin at multiples of 16 bytes but the last, which may be anywhere.
  float* keys(std::byte* workspace) const { return reinterpret_cast<float*>(workspace); }
  float* w(std::byte* workspace) const { return keys(workspace) + floats_of_keys(); }
  float* cross(std::byte* workspace) const { return w(workspace) + floats_of_w(); }
  float* gates(std::byte* workspace) const { return cross(workspace) + floats_of_cross(); }
  int64_t floats() const { return floats_of_keys() + floats_of_w() + floats_of_cross() + floats_of_gates(); }

  uint32_t group_of_inputs() const { return s > kGroup ? 2 * kGroup : kGroup; }
  uint32_t group_of_rows() const {
    return static_cast<uint32_t>(std::clamp<int64_t>((4 * s + 31) / 32 * 32, kGroup, 4 * kGroup));
  }
  int64_t segments() const { return std::min(n_rows, kMostSegmentGroups); }

  // What the shaders of the inputs have in front; `gates_of`: places of alpha, beta, a and dt.
  void add_inputs(DispatchArguments& arguments, const RecordArgs& args, const std::array<int, 4>& gates_of,
                  const RecurrentView& state, float eps) const {
    for (const int operand : gates_of) arguments.address(args.operands[operand].data);
    arguments.address(keys(args.workspace)).address(gates(args.workspace)).address(args.step);
    add_recurrent(arguments, state).u32(heads).u32(key_heads).f32(eps);
    for (const int i : {0, 1}) arguments.u32(args.operands[gates_of[i]].stride[0] / 4);
  }

  struct Values {
    const float* data;
    int64_t row, head;  // floats from one to the next
  };

  // Through the chunks of all segments; `o` is complete but for the rows that go one by one.
  void record_chunks(const RecordArgs& args, const RecurrentView& state, Values v, Recorder& recorder) const {
    DispatchArguments arguments;
    arguments.address(keys(args.workspace))
        .address(gates(args.workspace))
        .address(v.data)
        .address(args.results[0].data);
    arguments.address(w(args.workspace)).address(cross(args.workspace)).address(args.step).address(args.rows);
    add_recurrent(arguments, state).u32(n_rows).u32(heads).u32(key_heads).u32(v.row).u32(v.head);
    const uint32_t constants[] = {kChunkGroup, static_cast<uint32_t>(s), tiled};
    // A segment that goes in chunks has kChunk rows or more, so it has a chunk for every half of that at
    // most.
    recorder.dispatch({"delta_solve", constants, {heads, n_rows / (kChunk / 2), 1}, arguments.bytes()});
    recorder.barrier();
    constexpr int64_t kColumns = 32;
    recorder.dispatch(
        {"delta_walk",
         constants,
         {heads * ((s + kColumns - 1) / kColumns), std::min(n_rows / kChunk, kMostSegmentGroups), 1},
         arguments.bytes()});
    recorder.barrier();
  }

  // The rest. `more` adds the arguments that the shader has behind those of all.
  template <class More>
  void record_rows(const char* shader, const RecordArgs& args, const RecurrentView& state, Values v,
                   Recorder& recorder, More more) const {
    DispatchArguments arguments;
    arguments.address(keys(args.workspace))
        .address(gates(args.workspace))
        .address(v.data)
        .address(args.results[0].data);
    arguments.address(args.step).address(args.rows);
    add_recurrent(arguments, state).u32(n_rows).u32(heads).u32(key_heads).u32(v.row).u32(v.head);
    more(arguments);
    const uint32_t group = group_of_rows(), lines = group / 4;
    const uint32_t constants[] = {group, static_cast<uint32_t>(s), tiled,
                                  (static_cast<uint32_t>(s) + lines - 1) / lines};
    recorder.dispatch({shader, constants, {heads, segments(), 1}, arguments.bytes()});
  }
};

}  // namespace gannet

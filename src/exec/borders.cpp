#include "exec/borders.h"

#include <algorithm>
#include <set>

#include "exec/memory_plan.h"
#include "exec/plan_impl.h"

namespace gannet {

Result<Borders> Borders::make(const SplitGraph& split, std::span<const PlanHome> homes) {
  Borders b;
  b.borders_ = split.borders;
  b.places_.resize(split.borders.size(), std::vector<PlacedTensor>(homes.size()));
  b.memory_.resize(homes.size());
  b.last_.resize(homes.size());
  const int end = static_cast<int>(split.pieces.size());
  for (size_t home = 0; home < homes.size(); ++home) {
    b.devices_.push_back(homes[home].arena->device());
    std::vector<BufferLife> lives;
    std::vector<size_t> of;  // border
    for (size_t i = 0; i < split.borders.size(); ++i) {
      const Border& border = split.borders[i];
      const bool given = border.maker == Border::kGiven;
      if (given) b.given_ = static_cast<int>(i);
      int last = home == 0 && (border.kept || given) ? end : -1;
      for (const size_t reader : border.readers)
        if (split.pieces[reader].home == home) last = std::max(last, static_cast<int>(reader));
      if (last < 0) continue;
      of.push_back(i);
      lives.push_back(
          {(type_bytes(border.type) + 63) / 64 * 64, given ? 0 : static_cast<int>(border.maker), last});
    }
    if (of.empty()) continue;
    const MemoryPlan plan = plan_memory(lives);
    b.memory_[home] = GANNET_TRY(DeviceBuffer::allocate(b.devices_[home], plan.arena_bytes));
    for (size_t i = 0; i < of.size(); ++i) {
      const TensorType& type = split.borders[of[i]].type;
      b.places_[of[i]][home] =
          placed_at(b.memory_[home].at(plan.offsets[i]), contiguous_view(nullptr, type.dtype, type.shape));
    }
  }
  return b;
}

PlacedTensor Borders::at(size_t border, size_t home) const {
  return places_[border][home];
}

PlacedTensor Borders::find(const std::string& name, size_t home) const {
  for (size_t i = 0; i < borders_.size(); ++i)
    if (borders_[i].name == name) return places_[i][home];
  return {};
}

void Borders::bind(const SplitGraph& split, std::span<const std::unique_ptr<PlanPart>> parts) {
  for (size_t i = 0; i < borders_.size(); ++i) {
    const Border& border = borders_[i];
    Crossing crossing{i, border.maker, -1, {}};
    if (border.maker != Border::kGiven) crossing.output = parts[border.maker]->output_index(border.name);
    std::set<size_t> homes;
    for (const size_t reader : border.readers) homes.insert(split.pieces[reader].home);
    if (border.kept) homes.insert(0);
    if (border.maker == Border::kGiven) homes.erase(0);
    crossing.homes.assign(homes.begin(), homes.end());
    crossings_.push_back(std::move(crossing));
  }
}

Result<void> Borders::move(Device& from, const PlacedTensor& value, size_t border, size_t home,
                           const StepRows& rows) {
  Device& to = *devices_[home];
  const PlacedTensor& target = places_[border][home];
  const TensorView layout = view_at(nullptr, value), dense = view_at(nullptr, target);
  const int64_t n_rows = layout.shape.rows(), first_axis = layout.shape.dim[0];
  // Rows are the first axis of values by row.
  const int64_t live =
      first_axis == rows.step && rows.live < first_axis ? n_rows / first_axis * rows.live : n_rows;
  const int64_t at_once = is_contiguous(layout) ? live : 1;
  const int64_t bytes = at_once * row_bytes(layout.dtype, layout.shape.last());
  for (int64_t row = 0; row < live; row += at_once) {
    const Place source = value.place + (layout.flat_row(row) - layout.data);
    const Place goal = target.place + (dense.flat_row(row) - dense.data);
    const auto n = static_cast<size_t>(bytes);
    if (&from == &to) {
      last_[home] = GANNET_TRY(to.copy(source, goal, bytes));
    } else if (const std::byte* seen = from.host_view(source)) {
      last_[home] = GANNET_TRY(to.upload(goal, {seen, n}));
    } else if (std::byte* here = to.host_view(goal)) {
      const Event done = GANNET_TRY(from.download(source, {here, n}));
      if (row + at_once >= live) GANNET_TRY(from.wait(done));
    } else {
      std::vector<std::byte> between(n);
      const Event read = GANNET_TRY(from.download(source, between));
      GANNET_TRY(from.wait(read));
      const Event written = GANNET_TRY(to.upload(goal, between));
      GANNET_TRY(to.wait(written));
    }
  }
  return {};
}

Result<void> Borders::cross_given(const StepRows& rows) {
  for (const Crossing& crossing : crossings_)
    if (crossing.maker == Border::kGiven)
      for (const size_t home : crossing.homes)
        GANNET_TRY(move(*devices_[0], places_[crossing.border][0], crossing.border, home, rows));
  return {};
}

Result<void> Borders::cross(size_t made, PlanPart& part, const StepRows& rows) {
  for (const Crossing& crossing : crossings_)
    if (crossing.maker == made)
      for (const size_t home : crossing.homes)
        GANNET_TRY(move(part.device(), part.output(crossing.output), crossing.border, home, rows));
  return {};
}

Result<void> Borders::wait() {
  for (size_t home = 0; home < last_.size(); ++home) {
    GANNET_TRY(devices_[home]->wait(last_[home]));
    last_[home] = {};
  }
  return {};
}

}  // namespace gannet

#include "ops/case_step.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/core.h>

#include "ops/case_device.h"
#include "ops/case_run.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

// Operands with a row per token: activations and positions.
bool is_token_major(const CaseData& data, size_t i) {
  const CaseOperand& operand = data.op_case.operands[i];
  return !data.operands[i].absent() && (operand.strided || operand.fill.kind == Fill::Kind::kPositions);
}

bool is_state(const CaseData& data, size_t i, DType dtype) {
  return !data.operands[i].absent() && data.operands[i].type.dtype == dtype;
}

int64_t bytes_per_row(const TensorType& type) {
  return type_bytes(type) / type.shape.dim[0];
}

// Floats of a ring's entry. Conv: a row of inputs; delta: decays, keys, errors.
int64_t entry_floats(const CaseData& data, const Shape& state) {
  if (state.rank == 2) return state.dim[1];
  const Shape& first = data.operand_types[0].shape;  // q [T, Hk, S] or qkv [T, (2 Hk + Hv) S]
  const int64_t heads = state.dim[0], s = state.dim[1];
  const int64_t key_heads = first.rank == 3 ? first.dim[1] : (first.dim[1] / s - heads) / 2;
  return heads + (key_heads + heads) * s;
}

// The types of a use with so many rows.
struct Site {
  std::vector<TensorType> operands, results;
  OpSite site;

  Site(const CaseData& data, int64_t rows) : operands(data.operand_types), results(data.result_types) {
    for (size_t i = 0; i < operands.size(); ++i)
      if (is_token_major(data, i)) operands[i].shape.dim[0] = rows;
    for (TensorType& result : results) result.shape.dim[0] = rows;
    site = {operands.data(), static_cast<int>(operands.size()), results.data(),
            static_cast<int>(results.size()), data.op_case.attrs.raw.data()};
  }
};

void store_row(DType type, const float* values, std::byte* row, int64_t n) {
  if (type == DType::kF32)
    std::memcpy(row, values, static_cast<size_t>(n) * sizeof(float));
  else
    quantize_row(type, values, row, n);
}

struct KvLayout {
  int64_t heads, d, page_tokens, k_row, v_row, page_bytes;

  KvLayout(const OperandData& kv, int64_t page)
      : heads(kv.type.shape.dim[0]),
        d(kv.type.shape.dim[1]),
        page_tokens(page),
        k_row(row_bytes(kv.k_type, d)),
        v_row(row_bytes(kv.v_type, d)),
        page_bytes(heads * page * (k_row + v_row)) {}
  int64_t v_offset() const { return heads * page_tokens * k_row; }
};

}  // namespace

CaseSequence::CaseSequence(const CaseData& tokens, const CaseData& wrong, int64_t ring_entries,
                           int64_t page_tokens)
    : tokens_(&tokens), wrong_(&wrong), first_(0), ring_entries_(ring_entries), page_tokens_(page_tokens) {
  while (!is_token_major(tokens, token_operand_)) ++token_operand_;
  int64_t entry_bytes = 0;
  for (size_t i = 0; i < tokens.operands.size(); ++i) {
    const OperandData& operand = tokens.operands[i];
    if (is_state(tokens, i, DType::kRecurrent)) {
      base.insert(base.end(), operand.bytes.begin(), operand.bytes.end());
      entry_bytes += entry_floats(tokens, operand.type.shape) * int64_t{sizeof(float)};
    }
    if (!is_state(tokens, i, DType::kKvCache)) continue;
    first_ = operand.n_past;
    const KvLayout kv(operand, page_tokens);
    pages.assign(static_cast<size_t>((first_ + n_tokens() + page_tokens - 1) / page_tokens),
                 std::vector<std::byte>(static_cast<size_t>(kv.page_bytes), std::byte{0xFF}));
    for (int64_t t = 0; t < first_; ++t)
      for (int64_t h = 0; h < kv.heads; ++h) {
        std::byte* page = pages[static_cast<size_t>(t / page_tokens)].data();
        const int64_t slot = h * page_tokens + t % page_tokens;
        const auto at = static_cast<size_t>((t * kv.heads + h) * kv.d);
        store_row(operand.k_type, &operand.k_past[at], page + slot * kv.k_row, kv.d);
        store_row(operand.v_type, &operand.v_past[at], page + kv.v_offset() + slot * kv.v_row, kv.d);
      }
  }
  ring.assign(static_cast<size_t>(ring_entries * entry_bytes), std::byte{0xFF});
  length = base_at = first_;
}

const char* refuses_rows(const KernelInfo& kernel, const CaseData& data, int64_t rows) {
  const Site site(data, rows);
  return kernel.refuses == nullptr ? nullptr : kernel.refuses(site.site);
}

// The memory of one step.
class CaseStep {
 public:
  CaseStep(std::span<CasePiece> pieces, const CaseStepOptions& options)
      : pieces_(pieces), data_(*pieces[0].sequence->tokens_), rows_(options.padding) {
    for (const CasePiece& piece : pieces) rows_ += piece.n_rows;
    place_segments();
    int64_t base_offset = 0, ring_offset = 0;
    for (size_t i = 0; i < data_.operands.size(); ++i) place(i, base_offset, ring_offset);
    for (const TensorType& type : Site(data_, rows_).results) {
      results_.push_back(std::make_unique<GuardedBuffer>(type_bytes(type)));
      result_views_.push_back(contiguous_view(results_.back()->data(), type.dtype, type.shape));
    }
    live_ = rows_ - options.padding;
    exact_ = options.exact < 0 ? live_ : options.exact;
  }

  std::vector<std::string> run(const KernelInfo& kernel, const CaseStepOptions& options) {
    const Site site(data_, rows_);
    const int n_threads = options.n_threads;
    GuardedBuffer workspace(kernel.workspace == nullptr ? 0 : kernel.workspace(site.site, n_threads));
    std::vector<std::string> faults;
    if (options.device != nullptr)
      replay(kernel, *options.device, workspace, faults);
    else
      run_here(kernel, n_threads, workspace);
    if (!workspace.guards_intact()) faults.push_back("wrote outside of the workspace");
    for (size_t i = 0; i < results_.size(); ++i) check_result(i, faults);
    finish(faults);
    return faults;
  }

 private:
  void run_here(const KernelInfo& kernel, int n_threads, GuardedBuffer& workspace) {
    const KernelArgs args{operand_views_.data(),
                          result_views_.data(),
                          data_.op_case.attrs.raw.data(),
                          workspace.data(),
                          static_cast<int>(operand_views_.size()),
                          {live_, exact_}};
    ThreadTeam team(n_threads);
    team.run([&](Worker& worker) { kernel.run(args, worker); });
  }

  void replay(const KernelInfo& kernel, Device& device, GuardedBuffer& workspace,
              std::vector<std::string>& faults) {
    DeviceCopies copies(device);
    std::vector<std::span<std::byte>> all = {workspace.with_guards()};
    for (const auto& buffer : operands_) all.push_back(buffer->with_guards());
    for (const auto& buffer : results_) all.push_back(buffer->with_guards());
    for (size_t i = 0; i < pieces_.size(); ++i) {
      CaseSequence& sequence = *pieces_[i].sequence;
      for (std::vector<std::byte>* bytes : {&sequence.base, &sequence.ring}) all.emplace_back(*bytes);
      for (std::vector<std::byte>& page : sequence.pages) all.emplace_back(page);
      if (!pieces_[i].elsewhere) continue;
      for (std::vector<std::byte>* bytes : {&bases_[i], &rings_[i]}) all.emplace_back(*bytes);
    }
    RecordedUse use{operand_views_,   result_views_,   data_.op_case.attrs.raw.data(),
                    workspace.data(), {live_, exact_}, step_};
    use.page_tokens = kv_.page_tokens;
    const auto ran = [&]() -> Result<void> {
      for (const std::span<std::byte> bytes : all)
        if (!bytes.empty()) GANNET_TRY(copies.add(bytes));
      GANNET_TRY(record_and_replay(kernel, copies, use));
      return {};
    }();
    if (!ran.ok()) faults.push_back(ran.error().message());
  }

  void place_segments() {
    int64_t row = 0;
    for (CasePiece& piece : pieces_) {
      CaseSequence& sequence = *piece.sequence;
      StepSegment segment{.first_row = row,
                          .n_rows = piece.n_rows,
                          .n_past = sequence.length,
                          .pages = nullptr,
                          .base = sequence.base.data(),
                          .next_base = sequence.base.data(),
                          .ring = sequence.ring.data(),
                          .next_ring = sequence.ring.data(),
                          .base_at = sequence.base_at,
                          .next_base_at = piece.next_base_at < 0 ? sequence.base_at : piece.next_base_at,
                          .ring_entries = sequence.ring_entries_};
      tables_.emplace_back();
      for (std::vector<std::byte>& page : sequence.pages) tables_.back().push_back(page.data());
      bases_.push_back(sequence.base);
      rings_.push_back(sequence.ring);
      if (piece.elsewhere) {
        std::fill(bases_.back().begin(), bases_.back().end(), std::byte{0xFF});
        std::fill(rings_.back().begin(), rings_.back().end(), std::byte{0xFF});
        segment.next_base = bases_.back().data();
        segment.next_ring = rings_.back().data();
      }
      segments_.push_back(segment);
      row += piece.n_rows;
    }
    for (size_t i = 0; i < segments_.size(); ++i) segments_[i].pages = tables_[i].data();
    step_ = {segments_.data(), static_cast<int64_t>(segments_.size())};
  }

  void place(size_t i, int64_t& base_offset, int64_t& ring_offset) {
    const OperandData& operand = data_.operands[i];
    TensorView view;
    if (is_token_major(data_, i)) {
      TensorType type = operand.type;
      type.shape.dim[0] = rows_;
      operands_.push_back(std::make_unique<GuardedBuffer>(type_bytes(type)));
      std::byte* to = operands_.back()->data();
      view = contiguous_view(to, type.dtype, type.shape);
      const auto row = static_cast<size_t>(bytes_per_row(operand.type));
      for (const CasePiece& piece : pieces_)
        for (int64_t t = 0; t < piece.n_rows; ++t, to += row) {
          const CaseSequence& sequence = *piece.sequence;
          const bool right = piece.n_right < 0 || t < piece.n_right;
          const CaseData& from = right ? *sequence.tokens_ : *sequence.wrong_;
          const int64_t token = sequence.length - sequence.first_ + t;
          std::memcpy(to, from.operands[i].bytes.data() + static_cast<size_t>(token) * row, row);
        }
    } else if (is_state(data_, i, DType::kRecurrent)) {
      const int64_t entry = entry_floats(data_, operand.type.shape) * int64_t{sizeof(float)};
      recurrent_.push_back(std::make_unique<RecurrentView>(RecurrentView{
          .step = &step_, .base_offset = base_offset, .ring_offset = ring_offset, .entry_bytes = entry}));
      base_offset += static_cast<int64_t>(operand.bytes.size());
      ring_offset += entry * pieces_[0].sequence->ring_entries_;
      view = {
          reinterpret_cast<std::byte*>(recurrent_.back().get()), DType::kRecurrent, operand.type.shape, {}};
    } else if (is_state(data_, i, DType::kKvCache)) {
      const KvLayout layout(operand, pieces_[0].sequence->page_tokens_);
      kv_ = {&step_,       0,        layout.v_offset(), layout.page_tokens,
             layout.heads, layout.d, operand.k_type,    operand.v_type};
      view = {reinterpret_cast<std::byte*>(&kv_), DType::kKvCache, operand.type.shape, {}};
    } else if (!operand.absent()) {
      operands_.push_back(std::make_unique<GuardedBuffer>(static_cast<int64_t>(operand.bytes.size())));
      std::memcpy(operands_.back()->data(), operand.bytes.data(), operand.bytes.size());
      view = contiguous_view(operands_.back()->data(), operand.type.dtype, operand.type.shape);
    }
    operand_views_.push_back(view);
  }

  void check_result(size_t i, std::vector<std::string>& faults) {
    const int64_t row = bytes_per_row({result_views_[i].dtype, result_views_[i].shape});
    std::byte* at = results_[i]->data();
    for (CasePiece& piece : pieces_) {
      piece.results.emplace_back(at, at + piece.n_rows * row);
      at += piece.n_rows * row;
    }
    if (!results_[i]->guards_intact()) faults.push_back(fmt::format("wrote outside of result {}", i));
    if (std::any_of(at, results_[i]->data() + rows_ * row, [](std::byte b) { return b != std::byte{0xFF}; }))
      faults.push_back(fmt::format("result {}: padding rows were written", i));
  }

  void finish(std::vector<std::string>& faults) {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      CasePiece& piece = pieces_[i];
      CaseSequence& sequence = *piece.sequence;
      if (!piece.elsewhere && piece.next_base_at < 0 && bases_[i] != sequence.base)
        faults.push_back(fmt::format("piece {}: the base was written", i));
      if (piece.elsewhere) {
        if (piece.next_base_at >= 0) sequence.base = bases_[i];
        sequence.ring = rings_[i];
      }
      if (piece.next_base_at >= 0) sequence.base_at = piece.next_base_at;
      sequence.length += piece.n_right < 0 ? piece.n_rows : piece.n_right;
    }
  }

  std::span<CasePiece> pieces_;
  const CaseData& data_;
  int64_t rows_, live_ = 0, exact_ = 0;
  std::vector<StepSegment> segments_;
  std::vector<std::vector<std::byte*>> tables_;
  std::vector<std::vector<std::byte>> bases_, rings_;  // elsewhere, or as they were
  StepView step_;
  KvView kv_;
  std::vector<std::unique_ptr<RecurrentView>> recurrent_;
  std::vector<std::unique_ptr<GuardedBuffer>> operands_, results_;
  std::vector<TensorView> operand_views_, result_views_;
};

std::vector<std::string> run_case_step(const KernelInfo& kernel, std::span<CasePiece> pieces,
                                       const CaseStepOptions& options) {
  return CaseStep(pieces, options).run(kernel, options);
}

}  // namespace gannet

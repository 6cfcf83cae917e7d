// A toy model for tests of the state: kernels that keep to the contract of backend/api/state_view.h on
// integers stored as floats, so that every result is exact and depends on the order of all tokens before it;
// and the same model as a plain loop over all tokens, without any of it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "state/step_bindings.h"

namespace gannet {

// Trunk: a conv window of 3 rows of 2 channels, a delta matrix [1, 2, 2] and an attention layer of 2 heads of
// 4. MTP block: an attention layer of 1 head of 4.
struct ToyModel {
  static constexpr int64_t kPrime = 2039;  // products of two and sums of them stay exact
  static int64_t wrap(int64_t x) { return ((x % kPrime) + kPrime) % kPrime; }

  static StateLayout layout(bool recurrent = true) {
    StateLayout l;
    l.kv = {{"kv.0", 2, 4, DType::kF32, DType::kF32, StatePart::kTrunk},
            {"kv.1", 1, 4, DType::kF32, DType::kF32, StatePart::kMtp}};
    if (recurrent) l.recurrent = {{"conv.0", Shape(3, 2), 2}, {"delta.0", Shape(1, 2, 2), 5}};
    return l;
  }

  // Recurrent state and what a token does to it.
  struct Memory {
    std::array<int64_t, 6> window = {};
    std::array<int64_t, 4> matrix = {};
    bool operator==(const Memory&) const = default;
  };
  struct Entry {
    std::array<int64_t, 2> row;
    int64_t decay;
    std::array<int64_t, 2> key, error;
  };
  static Entry entry(const Memory& m, int64_t token) {
    Entry e{{wrap(token * 7 + 1), wrap(token * 3 + 2)}, 2 + token % 5, {1 + token % 4, 2 + token % 3}, {}};
    for (size_t j = 0; j < 2; ++j)
      e.error[j] =
          wrap(5 * (token + m.window[4 + j] - m.matrix[j * 2] * e.key[0] - m.matrix[j * 2 + 1] * e.key[1]));
    return e;
  }
  static void apply(Memory& m, const Entry& e) {
    for (size_t i = 0; i < 4; ++i) m.window[i] = m.window[i + 2];
    for (size_t i = 0; i < 2; ++i) m.window[4 + i] = e.row[i];
    for (size_t j = 0; j < 2; ++j)
      for (size_t i = 0; i < 2; ++i)
        m.matrix[j * 2 + i] = wrap(e.decay * m.matrix[j * 2 + i] + e.key[i] * e.error[j]);
  }
  // Stored K and V of a token, and what attention makes of them.
  static int64_t stored(const Memory& m, int64_t token, int64_t position) {
    return wrap(token * 11 + position + m.matrix[0] + m.window[0]);
  }
  static int64_t attend(int64_t sum, int64_t k, int64_t v) { return wrap(sum * 3 + k + 2 * v); }
};

// What a sequence computes, without pages, rings or snapshots.
struct ToyReference {
  ToyModel::Memory memory;
  std::vector<int64_t> kv;      // of the trunk, by position
  std::vector<int64_t> mtp_kv;  // of the MTP block
  bool recurrent = true;

  int64_t push(int64_t token) {
    if (recurrent) ToyModel::apply(memory, ToyModel::entry(memory, token));
    kv.push_back(ToyModel::stored(memory, token, static_cast<int64_t>(kv.size())));
    int64_t sum = memory.matrix[3];
    for (const int64_t v : kv) sum = ToyModel::attend(sum, v, v + 1);
    return sum;
  }
  int64_t push_mtp(int64_t token) {
    mtp_kv.push_back(ToyModel::stored({}, token, static_cast<int64_t>(mtp_kv.size())));
    int64_t sum = 0;
    for (const int64_t v : mtp_kv) sum = ToyModel::attend(sum, v, v + 1);
    return sum;
  }
};

// The model on the memory of a pool.
class ToyKernels {
 public:
  explicit ToyKernels(std::shared_ptr<StatePool> pool)
      : pool_(std::move(pool)), trunk_(pool_, StatePart::kTrunk), mtp_(pool_, StatePart::kMtp) {}

  StepBindings& bindings(StatePart part) { return part == StatePart::kTrunk ? trunk_ : mtp_; }

  // The rows of the step that `bindings(part)` holds; a result per row. Tells the sequences.
  std::vector<int64_t> run(StatePart part, const std::vector<int64_t>& tokens) {
    const StepView& step = bindings(part).view();
    std::vector<int64_t> out(tokens.size());
    for (int64_t i = 0; i < step.n_segments; ++i) run_segment(part, step.segments[i], tokens, out);
    bindings(part).ran();
    return out;
  }

  // A step of one sequence, of which `n_kept` rows are committed.
  std::vector<int64_t> step(SequenceState& s, const std::vector<int64_t>& tokens, int64_t n_kept,
                            bool kept = false, StatePart part = StatePart::kTrunk, int64_t base_after = -1) {
    StepBindings& b = bindings(part);
    b.begin();
    const auto n = static_cast<int64_t>(tokens.size());
    const auto added = b.add(s, 0, n, kept, base_after);
    EXPECT_TRUE(added.ok()) << added.error().message();
    if (!added.ok()) return {};
    auto out = run(part, tokens);
    s.commit(part, n_kept);
    return out;
  }

  // All that the sequence holds is what the reference computed.
  void expect(SequenceState& s, const ToyReference& want) {
    ASSERT_EQ(s.length(), static_cast<int64_t>(want.kv.size()));
    ASSERT_EQ(s.length(StatePart::kMtp), static_cast<int64_t>(want.mtp_kv.size()));
    StepSegments segments;
    ASSERT_TRUE(s.prepare(StatePart::kMtp, 0, false, segments).ok());
    expect_rows("kv.1", segments[0], want.mtp_kv);
    s.cancel(StatePart::kMtp);
    ASSERT_TRUE(s.prepare(StatePart::kTrunk, 0, false, segments).ok());
    expect_rows("kv.0", segments[0], want.kv);
    if (want.recurrent) {
      ToyModel::Memory m = load(segments[0]);
      for (int64_t p = segments[0].base_at; p < segments[0].n_past; ++p)
        ToyModel::apply(m, load_entry(segments[0], p));
      EXPECT_EQ(m.window, want.memory.window);
      EXPECT_EQ(m.matrix, want.memory.matrix);
    }
    s.cancel(StatePart::kTrunk);
  }

 private:
  template <class View>
  const View& view(StatePart part, const char* name) {
    return *static_cast<View*>(bindings(part).find(name));
  }
  static float* kv_row(const KvView& v, const StepSegment& s, int64_t offset, int64_t head, int64_t t) {
    std::byte* page = s.pages[t / v.page_tokens] + offset;
    return reinterpret_cast<float*>(page) + (head * v.page_tokens + t % v.page_tokens) * v.head_dim;
  }
  static int64_t to_int(float x) { return static_cast<int64_t>(x); }

  ToyModel::Memory load(const StepSegment& s) {
    ToyModel::Memory m;
    const auto &conv = view<RecurrentView>(StatePart::kTrunk, "conv.0"),
               &delta = view<RecurrentView>(StatePart::kTrunk, "delta.0");
    for (size_t i = 0; i < 6; ++i) m.window[i] = to_int(conv.base(s)[i]);
    for (size_t i = 0; i < 4; ++i) m.matrix[i] = to_int(delta.base(s)[i]);
    return m;
  }
  void store(const StepSegment& s, const ToyModel::Memory& m) {
    const auto &conv = view<RecurrentView>(StatePart::kTrunk, "conv.0"),
               &delta = view<RecurrentView>(StatePart::kTrunk, "delta.0");
    for (size_t i = 0; i < 6; ++i) conv.next_base(s)[i] = static_cast<float>(m.window[i]);
    for (size_t i = 0; i < 4; ++i) delta.next_base(s)[i] = static_cast<float>(m.matrix[i]);
  }
  ToyModel::Entry load_entry(const StepSegment& s, int64_t p) {
    const float* row = view<RecurrentView>(StatePart::kTrunk, "conv.0").entries(s, p).entry();
    const float* d = view<RecurrentView>(StatePart::kTrunk, "delta.0").entries(s, p).entry();
    return {{to_int(row[0]), to_int(row[1])},
            to_int(d[0]),
            {to_int(d[1]), to_int(d[2])},
            {to_int(d[3]), to_int(d[4])}};
  }
  void store_entry(const StepSegment& s, int64_t p, const ToyModel::Entry& e) {
    float* row = view<RecurrentView>(StatePart::kTrunk, "conv.0").next_entries(s, p).entry();
    float* d = view<RecurrentView>(StatePart::kTrunk, "delta.0").next_entries(s, p).entry();
    for (size_t i = 0; i < 2; ++i) {
      row[i] = static_cast<float>(e.row[i]);
      d[1 + i] = static_cast<float>(e.key[i]);
      d[3 + i] = static_cast<float>(e.error[i]);
    }
    d[0] = static_cast<float>(e.decay);
  }

  void run_segment(StatePart part, const StepSegment& s, const std::vector<int64_t>& tokens,
                   std::vector<int64_t>& out) {
    const bool recurrent = part == StatePart::kTrunk && !pool_->layout().recurrent.empty();
    const KvView& kv = view<KvView>(part, part == StatePart::kTrunk ? "kv.0" : "kv.1");
    const int64_t end = s.n_past + s.n_rows;
    ToyModel::Memory m;
    if (recurrent) {
      check_promises(s);
      m = load(s);
    }
    for (int64_t p = recurrent ? s.base_at : s.n_past; p <= end; ++p) {
      if (recurrent && p == s.next_base_at && p != s.base_at) store(s, m);
      if (p == end) break;
      if (p < s.n_past) {
        ToyModel::apply(m, load_entry(s, p));
        continue;
      }
      const int64_t row = s.first_row + p - s.n_past, token = tokens[static_cast<size_t>(row)];
      if (recurrent) {
        const ToyModel::Entry e = ToyModel::entry(m, token);
        ToyModel::apply(m, e);
        if (p >= s.next_base_at) store_entry(s, p, e);
      }
      const int64_t stored = ToyModel::stored(m, token, p);
      for (int64_t h = 0; h < kv.n_kv_heads; ++h)
        for (int64_t i = 0; i < kv.head_dim; ++i) {
          kv_row(kv, s, kv.k_offset, h, p)[i] = static_cast<float>(stored);
          kv_row(kv, s, kv.v_offset, h, p)[i] = static_cast<float>(stored + 1);
        }
      int64_t sum = m.matrix[3];
      for (int64_t t = 0; t <= p; ++t) {
        const int64_t head = t % kv.n_kv_heads;
        sum = ToyModel::attend(sum, to_int(kv_row(kv, s, kv.k_offset, head, t)[0]),
                               to_int(kv_row(kv, s, kv.v_offset, head, t)[3]));
      }
      out[static_cast<size_t>(row)] = sum;
    }
  }
  // What state_view.h promises to kernels.
  static void check_promises(const StepSegment& s) {
    const int64_t end = s.n_past + s.n_rows;
    const bool stores = s.next_base_at != s.base_at;
    EXPECT_NE(s.base, nullptr);
    EXPECT_LE(s.base_at, s.n_past);
    if (stores) {
      EXPECT_NE(s.next_base, nullptr);
      EXPECT_GE(s.next_base_at, s.n_past);
      EXPECT_LE(s.next_base_at, end);
    }
    EXPECT_TRUE(stores || s.ring == s.next_ring);
    const int64_t skipped = stores ? s.next_base_at - s.n_past : 0;
    EXPECT_LE(end - s.base_at - skipped, s.ring_entries);
  }
  void expect_rows(const char* name, const StepSegment& s, const std::vector<int64_t>& want) {
    const KvView& kv = view<KvView>(name[3] == '0' ? StatePart::kTrunk : StatePart::kMtp, name);
    for (int64_t t = 0; t < static_cast<int64_t>(want.size()); ++t)
      for (int64_t h = 0; h < kv.n_kv_heads; ++h) {
        const int64_t stored = want[static_cast<size_t>(t)];
        ASSERT_EQ(to_int(kv_row(kv, s, kv.k_offset, h, t)[3]), stored) << name << " " << t;
        ASSERT_EQ(to_int(kv_row(kv, s, kv.v_offset, h, t)[0]), stored + 1) << name << " " << t;
      }
  }

  std::shared_ptr<StatePool> pool_;
  StepBindings trunk_, mtp_;
};

}  // namespace gannet

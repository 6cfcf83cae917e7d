#include "model/random_weights.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "tensor/codec.h"

namespace gannet {
namespace {

using Bytes = std::vector<std::byte>;

Bytes all_rows(RandomWeights& weights, const TensorSpec& spec, DType type) {
  Bytes out(static_cast<size_t>(row_bytes(type, spec.shape.last()) * spec.shape.rows()));
  weights.fill(spec, type, 0, out);
  return out;
}

std::vector<float> values(const Bytes& bytes, DType type, int64_t n) {
  std::vector<float> out(static_cast<size_t>(n));
  dequantize_row(type, bytes.data(), out.data(), n);
  return out;
}

double mean(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += x;
  return sum / static_cast<double>(v.size());
}
double deviation(const std::vector<float>& v) {
  const double middle = mean(v);
  double sum = 0;
  for (const float x : v) sum += (x - middle) * (x - middle);
  return std::sqrt(sum / static_cast<double>(v.size()));
}

constexpr int64_t kRows = 64, kIn = 1024;
const TensorSpec kMatrix{"blk.0.attn_q.weight", Shape(kRows, kIn), TensorRole::kMatrix};

TEST(RandomWeights, DependOnSeedAndNameNotOnThreadsOrOrder) {
  ThreadTeam one(1), three(3);
  const TensorSpec other{"blk.1.attn_q.weight", Shape(4 * kRows, kIn), TensorRole::kMatrix};
  for (const DType type : {DType::kF32, DType::kF16, DType::kQ4_0, DType::kQ6_K}) {
    RandomWeights a(1, one), b(1, three), c(2, one);
    const Bytes whole = all_rows(a, kMatrix, type);
    const Bytes second = all_rows(b, other, type);  // a larger pool is there before
    EXPECT_EQ(all_rows(b, kMatrix, type), whole);
    EXPECT_EQ(all_rows(a, other, type), second);
    EXPECT_NE(all_rows(c, kMatrix, type), whole);
    TensorSpec renamed = kMatrix;
    renamed.name = "blk.2.attn_q.weight";
    EXPECT_NE(all_rows(a, renamed, type), whole);

    // In pieces of rows.
    const auto bytes = static_cast<size_t>(row_bytes(type, kIn));
    Bytes pieces(whole.size());
    for (int64_t row = 0; row < kRows; row += 10) {
      const auto n = static_cast<size_t>(std::min<int64_t>(10, kRows - row));
      b.fill(kMatrix, type, row, std::span(pieces).subspan(static_cast<size_t>(row) * bytes, n * bytes));
    }
    EXPECT_EQ(pieces, whole);
  }
}

TEST(RandomWeights, MatricesKeepActivationsAtOrderOne) {
  ThreadTeam team(2);
  RandomWeights weights(7, team);
  for (const DType type : {DType::kF32, DType::kBF16, DType::kQ4_0, DType::kQ8_0, DType::kQ4_K, DType::kQ6_K,
                           DType::kIQ4_XS, DType::kMXFP4}) {
    const Bytes bytes = all_rows(weights, kMatrix, type);
    const std::vector<float> v = values(bytes, type, kRows * kIn);
    // 65536 values of deviation 1/32: their mean is within 5 of its own deviations, theirs within 5 %.
    EXPECT_NEAR(mean(v), 0.0, 5.0 / 32 / std::sqrt(65536.0)) << dtype_info(type).name;
    EXPECT_NEAR(deviation(v) * 32, 1.0, 0.05) << dtype_info(type).name;
    for (int64_t row = 0; row < kRows; ++row)
      ASSERT_EQ(find_bad_block(type, bytes.data() + row * row_bytes(type, kIn), kIn), -1)
          << dtype_info(type).name;
  }
}

TEST(RandomWeights, RowsDiffer) {
  ThreadTeam team(1);
  RandomWeights weights(7, team);
  const TensorSpec spec{"token_embd.weight", Shape(5000, 256), TensorRole::kEmbedding};
  const Bytes bytes = all_rows(weights, spec, DType::kQ4_K);
  std::set<std::string> rows;
  const size_t n = 144;
  for (size_t at = 0; at < bytes.size(); at += n)
    rows.emplace(reinterpret_cast<const char*>(bytes.data()) + at, n);
  // One block per row out of a pool of 4096: most blocks of the pool come up (4096 * (1 - exp(-5000/4096)) =
  // 2888).
  EXPECT_NEAR(static_cast<double>(rows.size()), 2888, 150);
  const TensorSpec wide{"output.weight", Shape(5000, 512), TensorRole::kHead};
  const Bytes two = all_rows(weights, wide, DType::kQ4_K);
  rows.clear();
  for (size_t at = 0; at < two.size(); at += 2 * n)
    rows.emplace(reinterpret_cast<const char*>(two.data()) + at, 2 * n);
  EXPECT_GT(rows.size(), 4980u);
}

TEST(RandomWeights, RowsOfAnyLengthForPlainFloats) {
  ThreadTeam team(1);
  RandomWeights weights(7, team);
  for (const int64_t n_in : {1, 7, 33, 100}) {
    const TensorSpec spec{"m.weight", Shape(200, n_in), TensorRole::kMatrix};
    const std::vector<float> v = values(all_rows(weights, spec, DType::kF32), DType::kF32, 200 * n_in);
    EXPECT_EQ(std::ranges::count(v, 0.0f), 0);  // every element was written
  }
}

TEST(RandomWeights, VectorsAreLikeTrainedOnes) {
  ThreadTeam team(1);
  RandomWeights weights(7, team);
  const auto vector_of = [&](const char* name, const Shape& shape) {
    return values(all_rows(weights, {name, shape, TensorRole::kVector}, DType::kF32), DType::kF32,
                  shape.elements());
  };
  const auto norm = vector_of("blk.0.attn_norm.weight", Shape(4096));
  EXPECT_NEAR(mean(norm), 1.0, 0.01);
  EXPECT_NEAR(deviation(norm), 0.05, 0.01);
  for (const float a : vector_of("blk.0.ssm_a", Shape(4096))) {
    EXPECT_LT(a, -0.999f);
    EXPECT_GT(a, -16.01f);
  }
  for (const float bias : vector_of("blk.0.ssm_dt.bias", Shape(4096))) {
    const double step = std::log1p(std::exp(double{bias}));
    EXPECT_GT(step, 0.00099);
    EXPECT_LT(step, 0.101);
  }
  EXPECT_NEAR(deviation(vector_of("blk.0.ssm_conv1d.weight", Shape(1024, 4))), 0.5, 0.05);
  EXPECT_NEAR(deviation(vector_of("blk.0.ffn_gate_inp_shexp.weight", Shape(1024))) * 32, 1.0, 0.1);
}

}  // namespace
}  // namespace gannet

// Every kernel of matmul against the exact product in double, for every weight type: the error must stay
// inside the bound that tensor/act8.h states, whatever the number of tokens, rows and
// threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "base/thread_team.h"
#include "ir/graph.h"
#include "ops/catalogue.h"
#include "ops/matmul/matmul.h"
#include "ops/weight_type.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

std::vector<DType> weight_types() {
  std::vector<DType> types;
  for (int i = 0; i < kDTypeCount; ++i)
    if (is_weight_type(static_cast<DType>(i))) types.push_back(static_cast<DType>(i));
  return types;
}

// Kernels of matmul that this machine can run.
std::vector<const KernelInfo*> runnable_kernels() {
  const auto isas = machine_isas();
  std::vector<const KernelInfo*> found;
  for (const KernelInfo* k : all_kernels().kernels())
    if (std::string(k->op) == "matmul" && std::find(isas.begin(), isas.end(), k->isa) != isas.end())
      found.push_back(k);
  return found;
}

// Rows of a weight matrix: encoded normals, or random blocks that find_bad_block() accepts.
std::vector<std::byte> make_weights(DType type, int64_t n_out, int64_t n_in, std::mt19937& random) {
  const int64_t stride = row_bytes(type, n_in);
  std::vector<std::byte> bytes(static_cast<size_t>(n_out * stride));
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> row(static_cast<size_t>(n_in));
  const DTypeInfo& info = dtype_info(type);
  for (int64_t o = 0; o < n_out; ++o) {
    std::byte* at = bytes.data() + o * stride;
    if (type == DType::kF32 || can_quantize(type)) {
      for (float& v : row) v = normal(random);
      if (type == DType::kF32)
        std::memcpy(at, row.data(), static_cast<size_t>(stride));
      else
        quantize_row(type, row.data(), at, n_in);
      continue;
    }
    for (int64_t b = 0; b < n_in / info.block_elems; ++b) {
      std::byte* block = at + b * info.block_bytes;
      float largest;
      do {
        for (int i = 0; i < info.block_bytes; ++i) block[i] = static_cast<std::byte>(random());
        largest = 0;
        if (find_bad_block(type, block, info.block_elems) >= 0) continue;
        dequantize_row(type, block, row.data(), info.block_elems);
        for (int i = 0; i < info.block_elems; ++i)
          largest = std::max(largest, std::fabs(row[static_cast<size_t>(i)]));
      } while (!(largest > 0.03f && largest < 1.0f));
    }
  }
  return bytes;
}

struct Problem {
  DType type;
  int64_t n_tokens, n_in, n_out;
  std::vector<std::byte> weights;
  std::vector<float> x;
};

Problem make_problem(DType type, int64_t n_tokens, int64_t n_in, int64_t n_out) {
  std::mt19937 random(
      static_cast<uint32_t>(n_tokens * 1000003 + n_in * 101 + n_out * 7 + static_cast<int>(type)));
  Problem p{type, n_tokens, n_in, n_out, make_weights(type, n_out, n_in, random), {}};
  std::normal_distribution<float> normal(0, 1);
  p.x.resize(static_cast<size_t>(n_tokens * n_in));
  for (float& v : p.x) v = normal(random);
  return p;
}

// Runs one kernel; y has guard values around it.
std::vector<float> run_kernel(const KernelInfo& kernel, const Problem& p, int n_threads) {
  constexpr int64_t kGuard = 32;
  const TensorType types[] = {{DType::kF32, Shape(p.n_tokens, p.n_in)}, {p.type, Shape(p.n_out, p.n_in)}};
  const TensorType result{DType::kF32, Shape(p.n_tokens, p.n_out)};
  const OpSite site{types, 2, &result, 1, nullptr};
  std::vector<float> y(static_cast<size_t>(p.n_tokens * p.n_out + 2 * kGuard), 12345.0f);
  const size_t bytes =
      kernel.workspace == nullptr ? 0 : static_cast<size_t>(kernel.workspace(site, n_threads));
  std::vector<std::byte> memory(bytes + 64 + 256, std::byte{0xFF});
  auto* workspace = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  const TensorView operands[] = {
      contiguous_view(const_cast<float*>(p.x.data()), DType::kF32, types[0].shape),
      contiguous_view(const_cast<std::byte*>(p.weights.data()), p.type, types[1].shape)};
  const TensorView results[] = {contiguous_view(y.data() + kGuard, DType::kF32, result.shape)};
  const KernelArgs args{operands, results, nullptr, workspace};
  ThreadTeam team(n_threads);
  team.run([&](Worker& worker) { kernel.run(args, worker); });
  for (size_t i = 0; i < kGuard; ++i) {
    EXPECT_EQ(y[i], 12345.0f);
    EXPECT_EQ(y[y.size() - 1 - i], 12345.0f);
  }
  for (size_t i = 0; i < 128; ++i) EXPECT_EQ(workspace[bytes + i], std::byte{0xFF}) << "workspace overrun";
  return {y.begin() + kGuard, y.end() - kGuard};
}

// The exact product, the allowed error of each result, and the expected square of it: rounding to steps of d
// has a variance of d^2 / 12 per activation.
struct Expected {
  std::vector<double> y, bound, square;
};

Expected expect(const Problem& p) {
  Expected e;
  std::vector<float> w(static_cast<size_t>(p.n_out * p.n_in));
  for (int64_t o = 0; o < p.n_out; ++o)
    dequantize_row(p.type, p.weights.data() + o * row_bytes(p.type, p.n_in), w.data() + o * p.n_in, p.n_in);
  const bool rounds = dtype_info(p.type).quantized;
  for (int64_t t = 0; t < p.n_tokens; ++t) {
    const float* x = p.x.data() + t * p.n_in;
    std::vector<double> slack(static_cast<size_t>(p.n_in));
    for (int64_t i = 0; i < p.n_in; ++i) {
      float largest = 0;
      for (int64_t j = i / 32 * 32; rounds && j < i / 32 * 32 + 32; ++j)
        largest = std::max(largest, std::fabs(x[j]));
      // Half a step of the rounding; 2^-24 per float operation on the way, generously 64 of them.
      slack[static_cast<size_t>(i)] = largest / 127.0 / 2.0 * (1 + 1e-5) + 64 * 0x1p-24 * std::fabs(x[i]);
    }
    for (int64_t o = 0; o < p.n_out; ++o) {
      double sum = 0, bound = 1e-30, square = 1e-60;
      for (int64_t i = 0; i < p.n_in; ++i) {
        const double v = w[static_cast<size_t>(o * p.n_in + i)];
        sum += v * x[i];
        bound += std::fabs(v) * slack[static_cast<size_t>(i)];
        square += v * v * slack[static_cast<size_t>(i)] * slack[static_cast<size_t>(i)] / 3;
      }
      e.y.push_back(sum);
      e.bound.push_back(bound);
      e.square.push_back(square);
    }
  }
  return e;
}

std::string describe(const KernelInfo& k, const Problem& p, int n_threads) {
  return fmt::format("{} {} tokens {} in {} out {} threads {}", k.name, dtype_info(p.type).name, p.n_tokens,
                     p.n_in, p.n_out, n_threads);
}

void check(const Problem& p) {
  const Expected e = expect(p);
  for (const KernelInfo* kernel : runnable_kernels()) {
    std::vector<float> first;
    for (int n_threads : {1, 3}) {
      const std::vector<float> y = run_kernel(*kernel, p, n_threads);
      double error = 0, expected = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        const double off = std::fabs(y[i] - e.y[i]);
        ASSERT_LE(off, e.bound[i]) << describe(*kernel, p, n_threads) << " at " << i << " expected "
                                   << e.y[i];
        error += off * off;
        expected += e.square[i];
      }
      // The worst case is far from the usual one: a single wrongly decoded weight hides below it, but not
      // here.
      if (y.size() >= 37) {
        ASSERT_LE(error, 3 * expected) << describe(*kernel, p, n_threads);
      }
      if (n_threads == 1)
        first = y;
      else
        ASSERT_EQ(0, std::memcmp(first.data(), y.data(), y.size() * sizeof(float)))
            << describe(*kernel, p, n_threads) << ": the number of threads changed the result";
    }
  }
}

class MatmulTypes : public testing::TestWithParam<DType> {};

TEST_P(MatmulTypes, ErrorWithinBound) {
  for (int64_t n_tokens : {1, 2, 3, 4, 5, 8, 9, 16, 33})
    for (int64_t n_in : {256, 768, 1024}) check(make_problem(GetParam(), n_tokens, n_in, 37));
  check(make_problem(GetParam(), 7, 4352, 5));  // more than two slabs
  check(make_problem(GetParam(), 1, 4352, 1));
  check(make_problem(GetParam(), 200, 512, 70));  // split over tokens
}

TEST_P(MatmulTypes, RowsOfUnevenLength) {
  const int64_t block = dtype_info(GetParam()).block_elems;
  for (int64_t n_tokens : {1, 2, 3, 4, 6, 13}) {
    for (int64_t blocks : {1, 3, 5, 13}) check(make_problem(GetParam(), n_tokens, blocks * block, 19));
    if (block == 1)
      for (int64_t n_in : {31, 77, 515, 1030}) check(make_problem(GetParam(), n_tokens, n_in, 19));
  }
}

// Activations that a block cannot represent, and weights with scales that are not finite, give NaN or
// infinity where they take part, and nothing else.
TEST_P(MatmulTypes, NotFiniteStaysVisible) {
  for (const KernelInfo* kernel : runnable_kernels())
    for (int64_t n_tokens : {2, 9}) {
      Problem p = make_problem(GetParam(), n_tokens, 512, 20);
      for (const size_t at : {300, 310})  // one in each half of a block of 32
        for (const float bad : {NAN, INFINITY}) {
          const float before = std::exchange(p.x[512 + at], bad);
          const std::vector<float> y = run_kernel(*kernel, p, 2);
          p.x[512 + at] = before;
          for (int64_t t = 0; t < n_tokens; ++t)
            for (int64_t o = 0; o < 20; ++o)
              ASSERT_EQ(std::isfinite(y[static_cast<size_t>(t * 20 + o)]), t != 1)
                  << describe(*kernel, p, 2) << ", " << bad << " at " << at;
        }
    }
}

// Random bytes as weights: any result, no crash and no access outside (the sanitizer build sees that).
TEST_P(MatmulTypes, RandomBytesAreHarmless) {
  for (int64_t n_tokens : {1, 4, 9}) {
    Problem p = make_problem(GetParam(), n_tokens, 512, 21);
    std::mt19937 random(5);
    for (std::byte& b : p.weights) b = static_cast<std::byte>(random());
    // All bits set makes every scale that can be not a number just that.
    std::fill(p.weights.begin(), p.weights.begin() + row_bytes(p.type, 512), std::byte{0xFF});
    std::vector<float> row(512);
    dequantize_row(p.type, p.weights.data(), row.data(), 512);
    double sum = 0;
    for (float v : row) sum += v;
    for (const KernelInfo* kernel : runnable_kernels()) {
      const std::vector<float> y = run_kernel(*kernel, p, 2);
      if (!std::isfinite(sum)) {
        ASSERT_FALSE(std::isfinite(y[0])) << describe(*kernel, p, 2);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, MatmulTypes, testing::ValuesIn(weight_types()),
                         [](const auto& p) { return std::string(dtype_info(p.param).name); });

TEST(Matmul, EveryInstructionSetHasAKernel) {
  for (Isa isa : machine_isas()) {
    int n = 0;
    for (const KernelInfo* k : runnable_kernels()) n += k->isa == isa;
    EXPECT_EQ(n, 1) << isa_name(isa);
  }
}

TEST(Matmul, ShapeRuleNamesTheOperand) {
  const auto message = [](const TensorType& x, const TensorType& w) {
    GraphBuilder b("g");
    matmul(b, b.input("x", x), b.param("w", w));
    auto g = b.finish();
    return g.ok() ? std::string() : g.error().message();
  };
  EXPECT_EQ(message({DType::kF32, Shape(3, 64)}, {DType::kQ8_0, Shape(5, 64)}), "");
  EXPECT_NE(message({DType::kF16, Shape(3, 64)}, {DType::kQ8_0, Shape(5, 64)}).find("x must be F32"),
            std::string::npos);
  EXPECT_NE(message({DType::kF32, Shape(3, 64)}, {DType::kI32, Shape(5, 64)}).find("weight type"),
            std::string::npos);
  EXPECT_NE(message({DType::kF32, Shape(3, 64)}, {DType::kF32, Shape(5, 65)}).find("differ in length"),
            std::string::npos);
  EXPECT_NE(message({DType::kF32, Shape(3, 65)}, {DType::kQ8_0, Shape(5, 65)}).find("whole blocks"),
            std::string::npos);
}

}  // namespace
}  // namespace gannet

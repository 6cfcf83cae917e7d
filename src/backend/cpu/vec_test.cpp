#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/cpu/vec_probe.h"
#include "tensor/half.h"

namespace gannet {

#if defined(__x86_64__)
namespace avx2 {
extern const VecProbe kVecProbe;
}
namespace avx512 {
extern const VecProbe kVecProbe;
}
#else
namespace neon {
extern const VecProbe kVecProbe;
}
#endif

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Distance in units of the last place of `exact` as an F32, subnormals included.
double ulps(float value, double exact) {
  if (std::isinf(value)) return exact > 0x1.fffffefp+127 ? 0 : HUGE_VAL;
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(value - exact) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

class Vec : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    const std::vector<Isa> isas = machine_isas();
    if (std::find(isas.begin(), isas.end(), GetParam()) == isas.end())
      GTEST_SKIP() << "this machine has no " << isa_name(GetParam());
  }
  static const VecProbe& probe() {
#if defined(__x86_64__)
    return GetParam() == Isa::kAvx2 ? avx2::kVecProbe : avx512::kVecProbe;
#else
    return neon::kVecProbe;
#endif
  }
  // `x` filled up to whole vectors.
  static std::vector<float> map(void (*f)(const float*, float*, int64_t), std::vector<float> x) {
    const size_t n = x.size();
    while (x.size() % static_cast<size_t>(probe().lanes) != 0) x.push_back(0);
    std::vector<float> y(x.size());
    f(x.data(), y.data(), static_cast<int64_t>(x.size()));
    y.resize(n);
    return y;
  }
  // Every sign, exponent and a spread of mantissas with |x| <= limit.
  static std::vector<float> sweep(float limit) {
    std::vector<float> x;
    for (uint32_t bits = 0; bits < std::bit_cast<uint32_t>(limit); bits += 4093) {
      x.push_back(std::bit_cast<float>(bits));
      x.push_back(-std::bit_cast<float>(bits));
    }
    return x;
  }
};

TEST_P(Vec, ExpIsWithinTwoUlps) {
  const std::vector<float> x = sweep(120);
  const std::vector<float> y = map(probe().exp, x);
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(y[i], std::exp(static_cast<double>(x[i])));
    if (!(error <= worst)) {
      worst = error;
      at = i;
    }
  }
  EXPECT_LE(worst, 2.0) << "exp(" << x[at] << ") = " << y[at];
}

TEST_P(Vec, ExpAtTheEnds) {
  const std::vector<float> y =
      map(probe().exp, {0.0f, -0.0f, 88.72283f, 88.73f, 1000, kInf, -103.9f, -105, -1e30f, -kInf, NAN, -NAN});
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_TRUE(std::isfinite(y[2]));
  EXPECT_LE(ulps(y[2], std::exp(static_cast<double>(88.72283f))), 2);
  EXPECT_EQ(y[3], kInf);
  EXPECT_EQ(y[4], kInf);
  EXPECT_EQ(y[5], kInf);
  EXPECT_EQ(y[6], std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(y[7], 0.0f);
  EXPECT_EQ(y[8], 0.0f);
  EXPECT_EQ(y[9], 0.0f);
  EXPECT_TRUE(std::isnan(y[10]));
  EXPECT_TRUE(std::isnan(y[11]));
}

TEST_P(Vec, SigmoidAndSiluFollow) {
  const std::vector<float> x = sweep(80);
  const std::vector<float> s = map(probe().sigmoid, x), u = map(probe().silu, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = 1.0 / (1.0 + std::exp(-static_cast<double>(x[i])));
    ASSERT_LE(ulps(s[i], exact), 4) << "sigmoid(" << x[i] << ")";
    ASSERT_LE(ulps(u[i], x[i] * exact), 4) << "silu(" << x[i] << ")";
  }
  const std::vector<float> ends = map(probe().sigmoid, {-kInf, -1000, 1000, kInf, NAN});
  EXPECT_EQ(ends[0], 0.0f);
  EXPECT_EQ(ends[1], 0.0f);
  EXPECT_EQ(ends[2], 1.0f);
  EXPECT_EQ(ends[3], 1.0f);
  EXPECT_TRUE(std::isnan(ends[4]));
  const std::vector<float> far = map(probe().silu, {-1000, 1000, NAN});
  EXPECT_EQ(far[0], 0.0f);
  EXPECT_EQ(far[1], 1000.0f);
  EXPECT_TRUE(std::isnan(far[2]));
}

TEST_P(Vec, NarrowFloatsConvertAsDefined) {
  std::vector<uint16_t> half(65536);
  for (size_t i = 0; i < half.size(); ++i) half[i] = static_cast<uint16_t>(i);
  std::vector<float> wide(half.size());
  probe().load_f16(half.data(), wide.data(), 65536);
  std::vector<uint16_t> back(half.size());
  probe().store_f16(wide.data(), back.data(), 65536);
  for (size_t i = 0; i < half.size(); ++i) {
    const float expected = f16_to_f32(half[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(wide[i]));
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), std::bit_cast<uint32_t>(expected)) << i;
    ASSERT_EQ(back[i], half[i]);
  }
  probe().load_bf16(half.data(), wide.data(), 65536);
  for (size_t i = 0; i < half.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), std::bit_cast<uint32_t>(bf16_to_f32(half[i]))) << i;

  std::vector<float> x = sweep(1e6f);
  x.resize(x.size() / 16 * 16);
  std::vector<uint16_t> narrow(x.size());
  probe().store_f16(x.data(), narrow.data(), static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(narrow[i], f32_to_f16(x[i])) << x[i];

  std::vector<int8_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(i);
  probe().load_i8(bytes.data(), wide.data(), 256);
  for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(wide[i], static_cast<float>(bytes[i]));
}

TEST_P(Vec, PartsSumsAndChoices) {
  const int n = probe().lanes;
  const auto size = static_cast<size_t>(n);
  std::vector<float> x(size * size), sums(size), rest(size);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 101) - 40;
  for (int part = 0; part < n; ++part) {
    std::vector<float> y(size, -7);
    probe().copy_part(x.data(), y.data(), rest.data(), part);
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(y[at], i < part ? x[at] : -7) << part << " " << i;
      EXPECT_EQ(rest[at], i < part ? x[at] : 0) << part << " " << i;
    }
  }
  probe().sums(x.data(), sums.data());
  for (size_t r = 0; r < size; ++r) {
    float sum = 0, largest = -1000;
    for (size_t i = 0; i < size; ++i) {
      sum += x[r * size + i];
      largest = std::max(largest, x[r * size + i]);
    }
    EXPECT_EQ(sums[r], sum);  // small integers: exact in any order
    EXPECT_EQ(probe().sum(&x[r * size]), sum);
    EXPECT_EQ(probe().largest(&x[r * size]), largest);
  }
  std::vector<float> a(size, 1), b(size, 1), picked(size), other(size, -9);
  a[0] = 2;
  b[1] = 3;
  a[2] = NAN;
  probe().select_le(a.data(), b.data(), x.data(), other.data(), picked.data());
  for (size_t i = 0; i < size; ++i) EXPECT_EQ(picked[i], i == 0 || i == 2 ? -9 : x[i]) << i;
}

#if defined(__x86_64__)
INSTANTIATE_TEST_SUITE_P(Isas, Vec, testing::Values(Isa::kAvx2, Isa::kAvx512),
                         [](const auto& test) { return std::string(isa_name(test.param)); });
#else
INSTANTIATE_TEST_SUITE_P(Isas, Vec, testing::Values(Isa::kNeon),
                         [](const auto& test) { return std::string(isa_name(test.param)); });
#endif

}  // namespace
}  // namespace gannet

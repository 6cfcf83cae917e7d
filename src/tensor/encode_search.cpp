#include "tensor/encode_search.h"

#include <algorithm>

namespace gannet::block_codec {
namespace {

constexpr int kMaxGroup = 32;

// Running sums of a least-squares fit x ~ scale * l; the best scale is xl / ll and explains xl^2 / ll of the
// energy.
struct Fit {
  float xl = 0.0f, ll = 0.0f;

  void add(float w, float x, int l) {
    const float q = static_cast<float>(l);
    xl += w * x * q;
    ll += w * q * q;
  }
  void remove(float w, float x, int l) {
    const float q = static_cast<float>(l);
    xl -= w * x * q;
    ll -= w * q * q;
  }
  bool explains_more_than(const Fit& other) const { return xl * xl * other.ll > other.xl * other.xl * ll; }
};

}  // namespace

float search_symmetric(int n, int half, const float* x, const float* w, uint8_t* codes) {
  const float peak = signed_peak(x, n);
  if (std::fabs(peak) < kTiny) {
    std::fill_n(codes, n, uint8_t{0});
    return 0.0f;
  }
  int levels[kMaxGroup];
  const auto fit_with = [&](float inverse) {
    Fit fit;
    for (int i = 0; i < n; ++i) {
      levels[i] = nearest_clamped(inverse * x[i], -half, half - 1);
      fit.add(w != nullptr ? w[i] : x[i] * x[i], x[i], levels[i]);
    }
    return fit;
  };
  const auto keep_codes = [&] {
    for (int i = 0; i < n; ++i) codes[i] = static_cast<uint8_t>(levels[i] + half);
  };

  Fit fit = fit_with(-static_cast<float>(half) / peak);
  keep_codes();
  float scale = fit.ll != 0.0f ? fit.xl / fit.ll : 0.0f;
  float best = scale * fit.xl;
  for (int s = -9; s <= 9; ++s) {
    if (s == 0) continue;
    fit = fit_with(-(static_cast<float>(half) + 0.1f * static_cast<float>(s)) / peak);
    if (fit.ll > 0.0f && fit.xl * fit.xl > best * fit.ll) {
      keep_codes();
      scale = fit.xl / fit.ll;
      best = scale * fit.xl;
    }
  }
  return scale;
}

float search_symmetric_descent(int n, int half, const float* x, uint8_t* codes) {
  const float peak = signed_peak(x, n);
  if (std::fabs(peak) < kTiny) {
    std::fill_n(codes, n, uint8_t{0});
    return 0.0f;
  }
  int levels[kMaxGroup];
  const float inverse = -static_cast<float>(half) / peak;
  Fit fit;
  for (int i = 0; i < n; ++i) {
    levels[i] = nearest_clamped(inverse * x[i], -half, half - 1);
    fit.add(x[i] * x[i], x[i], levels[i]);
  }
  for (int round = 0; round < 5; ++round) {
    bool changed = false;
    for (int i = 0; i < n; ++i) {
      const float w = x[i] * x[i];
      Fit other = fit;
      other.remove(w, x[i], levels[i]);
      if (!(other.xl > 0.0f)) continue;
      const int level = nearest_clamped(x[i] * other.ll / other.xl, -half, half - 1);
      if (level == levels[i]) continue;
      other.add(w, x[i], level);
      if (other.ll > 0.0f && other.explains_more_than(fit)) {
        levels[i] = level;
        fit = other;
        changed = true;
      }
    }
    if (!changed) break;
  }
  for (int i = 0; i < n; ++i) codes[i] = static_cast<uint8_t>(levels[i] + half);
  return fit.ll > 0.0f ? fit.xl / fit.ll : 0.0f;
}

AffineFit search_affine(int n, int levels, const float* x, const float* w, const AffineSteps& steps,
                        uint8_t* codes) {
  float low = x[0], high = x[0], sum_w = 0.0f, sum_x = 0.0f;
  for (int i = 0; i < n; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
    sum_w += w[i];
    sum_x += w[i] * x[i];
  }
  low = std::min(low, 0.0f);
  if (high <= low) {
    std::fill_n(codes, n, uint8_t{0});
    return {0.0f, -low};
  }
  const auto error_of = [&](const uint8_t* l, float scale, float min) {
    float error = 0.0f;
    for (int i = 0; i < n; ++i) {
      const float difference = scale * static_cast<float>(l[i]) + min - x[i];
      error += w[i] * (steps.absolute ? std::fabs(difference) : difference * difference);
    }
    return error;
  };

  const float top = static_cast<float>(levels);
  const float start = top / (high - low);
  for (int i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(nearest_clamped(start * (x[i] - low), 0, levels));
  float scale = 1.0f / start, min = low;
  float best = error_of(codes, scale, min);

  uint8_t trial[kMaxGroup];
  for (int s = 0; s <= steps.count; ++s) {
    const float inverse = (steps.first + steps.step * static_cast<float>(s) + top) / (high - min);
    float sum_l = 0.0f, sum_ll = 0.0f, sum_xl = 0.0f;
    for (int i = 0; i < n; ++i) {
      trial[i] = static_cast<uint8_t>(nearest_clamped(inverse * (x[i] - min), 0, levels));
      const float l = static_cast<float>(trial[i]);
      sum_l += w[i] * l;
      sum_ll += w[i] * l * l;
      sum_xl += w[i] * l * x[i];
    }
    const float determinant = sum_w * sum_ll - sum_l * sum_l;
    if (!(determinant > 0.0f)) continue;
    float trial_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    float trial_min = (sum_ll * sum_x - sum_l * sum_xl) / determinant;
    if (trial_min > 0.0f) {
      trial_min = 0.0f;
      trial_scale = sum_xl / sum_ll;
    }
    const float error = error_of(trial, trial_scale, trial_min);
    if (error < best) {
      std::copy_n(trial, n, codes);
      best = error;
      scale = trial_scale;
      min = trial_min;
    }
  }
  return {scale, -min};
}

float search_positive(int n, int levels, const float* x, const float* w, uint8_t* codes) {
  float peak = 0.0f;
  for (int i = 0; i < n; ++i) peak = std::max(peak, x[i]);
  if (peak < kTiny) {
    std::fill_n(codes, n, uint8_t{0});
    return 0.0f;
  }
  const float top = static_cast<float>(levels);
  const auto error_with = [&](float inverse) {
    const float scale = 1.0f / inverse;
    float error = 0.0f;
    for (int i = 0; i < n; ++i) {
      const float difference = x[i] - scale * static_cast<float>(nearest_clamped(inverse * x[i], 0, levels));
      error += w[i] * difference * difference;
    }
    return error;
  };
  float inverse = top / peak;
  float best = error_with(inverse);
  for (int s = -4; s <= 4; ++s) {
    if (s == 0) continue;
    const float trial = (0.1f * static_cast<float>(s) + top) / peak;
    const float error = error_with(trial);
    if (error < best) {
      best = error;
      inverse = trial;
    }
  }
  Fit fit;
  for (int i = 0; i < n; ++i) {
    codes[i] = static_cast<uint8_t>(nearest_clamped(inverse * x[i], 0, levels));
    fit.add(w[i], x[i], codes[i]);
  }
  for (int round = 0; round < 5; ++round) {
    bool changed = false;
    for (int i = 0; i < n; ++i) {
      Fit other = fit;
      other.remove(w[i], x[i], codes[i]);
      if (!(other.xl > 0.0f && other.ll > 0.0f)) continue;
      const int level = nearest_clamped(x[i] * other.ll / other.xl, 0, levels);
      if (level == codes[i]) continue;
      other.add(w[i], x[i], level);
      if (other.explains_more_than(fit)) {
        codes[i] = static_cast<uint8_t>(level);
        fit = other;
        changed = true;
      }
    }
    if (!changed) break;
  }
  // All weights zero: nothing to fit, so the scale that spans the range serves.
  return fit.ll > 0.0f ? fit.xl / fit.ll : 1.0f / inverse;
}

float weigh(int n, const float* x, const float* importance, float variance, float* w) {
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) {
    w[i] = importance[i] * std::sqrt(variance + x[i] * x[i]);
    sum += w[i];
  }
  return sum;
}

float sum_of_squares(const float* x, int64_t n) {
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

}  // namespace gannet::block_codec

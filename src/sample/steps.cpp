#include "sample/steps.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "base/check.h"
#include "base/philox.h"

namespace gannet {
namespace {

constexpr float kMinusInfinity = -INFINITY;
// Above every value of gumbel_noise(): u is at most 1 - 2^-33, so the noise is at most 33 log 2 = 22.88.
constexpr double kMaxNoise = 23.0;

// 16 independent lanes, which compilers turn into whole-register compares.
constexpr size_t kLanes = 16;
static_assert(kLogitBlock % kLanes == 0);

struct Block {
  float max;
  bool defective;
};

Block scan_block(const float* x) {
  float top[kLanes];
  uint32_t bad[kLanes];
  for (size_t j = 0; j < kLanes; ++j) {
    top[j] = x[j];
    bad[j] = x[j] <= FLT_MAX ? 0 : 1;
  }
  for (size_t i = kLanes; i < kLogitBlock; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const float value = x[i + j];
      top[j] = top[j] > value ? top[j] : value;
      bad[j] |= value <= FLT_MAX ? 0 : 1;
    }
  }
  Block block = {top[0], bad[0] != 0};
  for (size_t j = 1; j < kLanes; ++j) {
    block.max = block.max > top[j] ? block.max : top[j];
    block.defective |= bad[j] != 0;
  }
  return block;
}

std::span<const float> block_of(std::span<const float> logits, size_t block) {
  const size_t begin = block * kLogitBlock;
  return logits.subspan(begin, std::min(kLogitBlock, logits.size() - begin));
}

void sort_recent(const SamplingParams& params, std::span<const TokenId> history, std::vector<TokenId>* out) {
  if (params.repeat_last_n >= 0) {
    history = history.last(std::min(history.size(), static_cast<size_t>(params.repeat_last_n)));
  }
  out->assign(history.begin(), history.end());
  std::sort(out->begin(), out->end());
}

float penalised(const SamplingParams& params, float logit, std::ptrdiff_t count) {
  logit = logit > 0 ? logit / params.repeat_penalty : logit * params.repeat_penalty;
  return logit - (static_cast<float>(count) * params.frequency_penalty + params.presence_penalty);
}

}  // namespace

void apply_logit_bias(std::span<const LogitBias> biases, std::span<float> logits) {
  for (const LogitBias& entry : biases) logits[static_cast<size_t>(entry.token)] += entry.bias;
}

void apply_logit_bias(std::span<const LogitBias> biases, std::span<Candidate> candidates) {
  for (const LogitBias& entry : biases)
    for (Candidate& c : candidates)
      if (c.token == entry.token) c.logit += entry.bias;
}

void apply_penalties(const SamplingParams& params, std::span<const TokenId> history,
                     std::vector<TokenId>* scratch, std::span<float> logits) {
  sort_recent(params, history, scratch);
  for (auto it = scratch->begin(); it != scratch->end();) {
    const TokenId token = *it;
    const auto end = std::upper_bound(it, scratch->end(), token);
    const auto count = end - it;
    it = end;
    if (token < 0 || static_cast<size_t>(token) >= logits.size()) continue;
    float& logit = logits[static_cast<size_t>(token)];
    logit = penalised(params, logit, count);
  }
}

void apply_penalties(const SamplingParams& params, std::span<const TokenId> history,
                     std::vector<TokenId>* scratch, std::span<Candidate> candidates) {
  sort_recent(params, history, scratch);
  for (Candidate& c : candidates) {
    const auto [begin, end] = std::equal_range(scratch->begin(), scratch->end(), c.token);
    if (begin != end) c.logit = penalised(params, c.logit, end - begin);
  }
}

void find_block_maxima(std::span<const float> logits, BlockMaxima* out) {
  const size_t n_blocks = (logits.size() + kLogitBlock - 1) / kLogitBlock;
  out->of_block.resize(n_blocks);
  out->max = kMinusInfinity;
  out->defective = false;
  const size_t n_whole = logits.size() / kLogitBlock;
  for (size_t b = 0; b < n_blocks; ++b) {
    Block block;
    if (b < n_whole) {
      block = scan_block(logits.data() + b * kLogitBlock);
    } else {
      float padded[kLogitBlock];
      std::fill(std::begin(padded), std::end(padded), kMinusInfinity);
      const auto rest = block_of(logits, b);
      std::copy(rest.begin(), rest.end(), padded);
      block = scan_block(padded);
    }
    out->of_block[b] = block.max;
    out->defective |= block.defective;
    if (block.max > out->max) out->max = block.max;
  }
}

TokenId likeliest(std::span<const float> logits, const BlockMaxima& maxima) {
  const auto at = std::find(maxima.of_block.begin(), maxima.of_block.end(), maxima.max);
  GANNET_CHECK(at != maxima.of_block.end());
  const auto block = static_cast<size_t>(at - maxima.of_block.begin());
  const auto values = block_of(logits, block);
  const auto found = std::find(values.begin(), values.end(), maxima.max);
  GANNET_CHECK(found != values.end(), "the maxima are of other logits");
  return static_cast<TokenId>(block * kLogitBlock + static_cast<size_t>(found - values.begin()));
}

void select_top_k(std::span<const float> logits, const BlockMaxima& maxima, size_t k,
                  std::vector<float>* scratch, std::vector<Candidate>* out) {
  // k blocks have a maximum of at least the k-th largest maximum, so at least k logits are not below it.
  float threshold = kMinusInfinity;
  if (k < maxima.of_block.size()) {
    scratch->assign(maxima.of_block.begin(), maxima.of_block.end());
    const auto kth = scratch->begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(scratch->begin(), kth, scratch->end(), std::greater<>());
    threshold = *kth;
  }
  out->clear();
  for (size_t b = 0; b < maxima.of_block.size(); ++b) {
    if (maxima.of_block[b] < threshold) continue;
    const auto values = block_of(logits, b);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= threshold && values[i] > kMinusInfinity) {
        out->push_back({values[i], static_cast<TokenId>(b * kLogitBlock + i)});
      }
    }
  }
  if (out->size() > k) {
    std::nth_element(out->begin(), out->begin() + static_cast<std::ptrdiff_t>(k - 1), out->end(), likelier);
    out->resize(k);
  }
  std::sort(out->begin(), out->end(), likelier);
}

std::optional<size_t> top_p_count(std::span<const Candidate> candidates, double top_p, double total) {
  const double wanted = top_p * total;
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    sum += std::exp(double{candidates[i].logit} - candidates[0].logit);
    if (sum >= wanted) return i + 1;
  }
  return std::nullopt;
}

double min_p_threshold(float max, double min_p) {
  return max + std::log(min_p);
}

double sum_of_exp(std::span<const float> logits, float max) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - max);
  return sum;
}

double sum_of_exp(std::span<const Candidate> candidates, float max) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += std::exp(double{candidate.logit} - max);
  return sum;
}

std::vector<double> probabilities(std::span<const Candidate> candidates, float temperature) {
  float max = candidates[0].logit;
  for (const Candidate& c : candidates) max = std::max(max, c.logit);
  std::vector<double> all;
  double sum = 0;
  for (const Candidate& c : candidates) {
    all.push_back(std::exp((double{c.logit} - max) / temperature));
    sum += all.back();
  }
  for (double& p : all) p /= sum;
  return all;
}

double gumbel_noise(uint64_t seed, uint64_t position, TokenId token) {
  const auto words = philox4x32(seed, position, static_cast<uint32_t>(token));
  return -std::log(-std::log(philox_uniform(words[0])));
}

TokenId draw(std::span<const Candidate> candidates, float temperature, uint64_t seed, uint64_t position) {
  GANNET_CHECK(!candidates.empty() && temperature > 0);
  // The constant log-sum of the softmax changes no comparison and is left out; taking the first logit off
  // keeps tiny temperatures from overflowing on both sides.
  float max = candidates[0].logit;
  for (const Candidate& candidate : candidates) max = std::max(max, candidate.logit);
  TokenId best = -1;
  double best_score = -INFINITY;
  for (const Candidate& candidate : candidates) {
    const double log_p = (double{candidate.logit} - max) / temperature;
    if (log_p + kMaxNoise < best_score) continue;  // cannot win whatever its noise
    const double score = log_p + gumbel_noise(seed, position, candidate.token);
    if (score > best_score || (score == best_score && candidate.token < best)) {
      best_score = score;
      best = candidate.token;
    }
  }
  GANNET_CHECK(best >= 0);
  return best;
}

}  // namespace gannet

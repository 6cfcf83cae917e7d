// The steps that few requests use, over candidates. "Probability" is the softmax of the logits as they are.
// They keep the order of the candidates unless said otherwise, and leave at least one. Formulas are those of
// the sources named in params.h; where a source says nothing, llama.cpp's users know the outcome.
#pragma once

#include <span>
#include <vector>

#include "sample/steps.h"

namespace gannet {

using Candidates = std::vector<Candidate>;

// In order of likelihood afterwards.
void keep_top_k(size_t k, Candidates* candidates);
void keep_top_p(double top_p, size_t min_keep, Candidates* candidates);
// The candidates may be in any order.
void keep_min_p(double min_p, size_t min_keep, Candidates* candidates);

// Locally typical sampling (Meister et al. 2202.00666): the tokens whose surprise is nearest to the entropy,
// until their probability reaches `p`. In another order afterwards.
void keep_typical(double p, size_t min_keep, Candidates* candidates);

// Top-n-sigma (Tang et al. 2411.07641): the least logit that stays, `n` standard deviations below the
// highest. -infinity is no logit here.
double sigma_threshold(std::span<const float> logits, double n);
void keep_top_n_sigma(double n, Candidates* candidates);

// Whether XTC does something at this position; keyed by the seed, so that it is the same with drafts.
bool xtc_strikes(const SamplingParams& params, uint64_t position);
void drop_top_choices(double threshold, size_t min_keep, Candidates* candidates);

// The temperature that dynamic temperature makes of the candidates' entropy; that of the parameters when it
// is off. May be 0.
float temperature_for(const SamplingParams& params, std::span<const Candidate> candidates);

// Mirostat 1: how many of the likeliest tokens are kept, by the fall of the first kMirostatRanks of them,
// which come in order.
inline constexpr size_t kMirostatRanks = 100;
size_t mirostat_count(std::span<const Candidate> ranked, double temperature, double mu, size_t n_vocab);
// Mirostat 2: the least logit that stays. `total` is the sum of exp((logit - max) / temperature).
double mirostat_threshold(double max, double total, double temperature, double mu);

// Adaptive-p: the probability that is preferred at the moment, and the logits that prefer it, in place of the
// candidates' own. `p` are their probabilities.
double adaptive_target(const SamplingParams& params, double sum, double weight);
void prefer_near(double target, std::span<const double> p, Candidates* candidates);

}  // namespace gannet

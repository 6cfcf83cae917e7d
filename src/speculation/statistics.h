// What speculation did, counted over all rounds, those whose drafts were all wrong too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "speculation/controller.h"

namespace gannet {

struct SourceStatistics {
  std::string name;
  int64_t rounds = 0;                            // in which its draft was verified
  int64_t drafted = 0, verified = 0, right = 0;  // tokens
  double draft_seconds = 0;
  std::vector<int64_t> tested, survived;  // by place in the draft: tokens whose turn came, and were right
};

class SpeculationStatistics {
 public:
  explicit SpeculationStatistics(std::vector<std::string> source_names);
  void add(const RoundOutcome& outcome);

  int64_t rounds() const { return rounds_; }  // steps of the target for a sequence, with or without a draft
  int64_t tokens() const { return tokens_; }  // that became text in them
  const std::vector<SourceStatistics>& sources() const { return sources_; }

  // One line for the end of an answer: "verified 120 drafted tokens, right 88 (73 %), 2.1 tokens per step;
  // draft-mtp ...".
  std::string line(double seconds_saved, const std::string& why_off) const;
  // Many lines: by source, survival by place.
  std::string text() const;
  nlohmann::ordered_json json(double seconds_saved, const std::string& why_off) const;

 private:
  int64_t rounds_ = 0, tokens_ = 0;
  std::vector<SourceStatistics> sources_;
};

}  // namespace gannet

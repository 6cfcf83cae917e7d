#include "speculation/statistics.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

constexpr size_t kMostPlaces = 16;  // that are counted one by one

double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string seconds_text(double seconds) {
  const double size = std::abs(seconds);
  return size < 1 ? fmt::format("{:.0f} ms", size * 1e3) : fmt::format("{:.1f} s", size);
}

}  // namespace

SpeculationStatistics::SpeculationStatistics(std::vector<std::string> source_names) {
  for (std::string& name : source_names) sources_.emplace_back().name = std::move(name);
}

void SpeculationStatistics::add(const RoundOutcome& outcome) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (i < outcome.draft_seconds.size()) sources_[i].draft_seconds += outcome.draft_seconds[i];
    if (i < outcome.draft_tokens.size()) sources_[i].drafted += outcome.draft_tokens[i];
  }
  for (const SequenceOutcome& o : outcome.sequences) {
    ++rounds_;
    tokens_ += o.n_emitted;
    if (o.source < 0 || o.n_verified < 1 || static_cast<size_t>(o.source) >= sources_.size()) continue;
    SourceStatistics& s = sources_[static_cast<size_t>(o.source)];
    ++s.rounds;
    s.verified += o.n_verified;
    s.right += o.n_right;
    const auto n_tested = static_cast<size_t>(o.n_tested());
    const size_t n_places = std::min(n_tested, kMostPlaces);
    if (s.tested.size() < n_places) {
      s.tested.resize(n_places);
      s.survived.resize(n_places);
    }
    for (size_t place = 0; place < n_places; ++place) {
      ++s.tested[place];
      if (place < static_cast<size_t>(o.n_right)) ++s.survived[place];
    }
  }
}

std::string SpeculationStatistics::line(double seconds_saved, const std::string& why_off) const {
  int64_t verified = 0, right = 0;
  for (const SourceStatistics& s : sources_) {
    verified += s.verified;
    right += s.right;
  }
  if (verified == 0) return why_off.empty() ? "nothing drafted" : "nothing drafted: " + why_off;
  std::string text = fmt::format("verified {} drafted tokens, right {} ({:.0f} %), {:.2f} tokens per step",
                                 verified, right, 100 * ratio(right, verified), ratio(tokens_, rounds_));
  for (const SourceStatistics& s : sources_)
    if (s.verified > 0) text += fmt::format("; {} {} of {}", s.name, s.right, s.verified);
  text += fmt::format("; {} {}", seconds_text(seconds_saved), seconds_saved < 0 ? "lost" : "saved");
  if (!why_off.empty()) text += "; off at the end: " + why_off;
  return text;
}

std::string SpeculationStatistics::text() const {
  std::string text =
      fmt::format("steps {}, tokens {}, tokens per step {:.2f}\n", rounds_, tokens_, ratio(tokens_, rounds_));
  for (const SourceStatistics& s : sources_) {
    text += fmt::format("{:<14} drafted {}, verified {} in {} steps, right {} ({:.0f} %), drafting {}\n",
                        s.name, s.drafted, s.verified, s.rounds, s.right, 100 * ratio(s.right, s.verified),
                        seconds_text(s.draft_seconds));
    if (s.tested.empty()) continue;
    text += fmt::format("{:<14} right by place:", "");
    for (size_t place = 0; place < s.tested.size(); ++place)
      text += fmt::format(" {:.2f}", ratio(s.survived[place], s.tested[place]));
    text += fmt::format("; as far as that, of all:");
    for (const int64_t survived : s.survived) text += fmt::format(" {:.2f}", ratio(survived, s.rounds));
    text += '\n';
  }
  return text;
}

nlohmann::ordered_json SpeculationStatistics::json(double seconds_saved, const std::string& why_off) const {
  nlohmann::ordered_json all;
  int64_t drafted = 0, verified = 0, right = 0;
  auto by_source = nlohmann::ordered_json::array();
  for (const SourceStatistics& s : sources_) {
    drafted += s.drafted;
    verified += s.verified;
    right += s.right;
    nlohmann::ordered_json one;
    one["name"] = s.name;
    one["rounds"] = s.rounds;
    one["drafted"] = s.drafted;
    one["verified"] = s.verified;
    one["right"] = s.right;
    one["draft_seconds"] = s.draft_seconds;
    one["tested_by_place"] = s.tested;
    one["right_by_place"] = s.survived;
    by_source.push_back(std::move(one));
  }
  all["rounds"] = rounds_;
  all["tokens"] = tokens_;
  all["tokens_per_round"] = ratio(tokens_, rounds_);
  all["drafted"] = drafted;
  all["verified"] = verified;
  all["right"] = right;
  all["seconds_saved"] = seconds_saved;
  all["why_off"] = why_off;
  all["sources"] = std::move(by_source);
  return all;
}

}  // namespace gannet

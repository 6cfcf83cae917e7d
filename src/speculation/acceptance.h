// How often drafted tokens were right, by source, place in the draft and confidence; stored between runs by
// speculation/profile.h. Only places whose turn came count: behind a wrong token nothing is known.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace gannet {

// Counts of one source; fractions, since old ones fade.
struct AcceptanceCounts {
  static constexpr int kPlaces = 8, kClasses = 6;  // the last place stands for all behind it
  using PerClass = std::array<float, kClasses>;
  std::array<PerClass, kPlaces> tested{}, right{};

  void fade(float factor);
  bool operator==(const AcceptanceCounts&) const = default;
};

class AcceptanceTable {
 public:
  static constexpr int kPlaces = AcceptanceCounts::kPlaces, kClasses = AcceptanceCounts::kClasses;
  // Lowest confidence of each class but the first.
  static constexpr std::array<float, kClasses - 1> kBounds = {0.2f, 0.5f, 0.75f, 0.9f, 0.97f};
  static constexpr int class_of(float confidence) {
    int c = 0;
    while (c < kClasses - 1 && confidence >= kBounds[static_cast<size_t>(c)]) ++c;
    return c;
  }

  struct Source {
    std::string name;
    AcceptanceCounts counts;
    int n_drafts = 0;  // since counts last faded
  };

  // The number of a source for the calls below, which is added when it is not there.
  int source(const std::string& name);
  void tested(int source, int place, int confidence_class, bool right);
  // What is known seems to be of other texts: it counts for little from now on.
  void doubt(int source) { sources_[static_cast<size_t>(source)].counts.fade(0.1f); }
  const std::vector<Source>& sources() const { return sources_; }
  // Replaces what is there; counts beyond what is remembered anyway are scaled down.
  void restore(std::vector<Source> sources);

 private:
  std::vector<Source> sources_;
};

}  // namespace gannet

// How often a text goes on as it did where it was like its end now: what many texts did, and what this one
// did so far. Text means tokens of whatever kind; the rates of many texts are of code, prose, JSON and edits
// of files, 450,000 tokens of a vocabulary of 151,936.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace gannet {

// What a guess rests on. `length`: tokens at the end of the text that are as they were. They were followed by
// the guessed token `seen` times and by others `others` times. `agrees`: less of the end of the text, which
// occurred elsewhere too, was followed by the same token most often.
struct MatchClass {
  static constexpr int kLengths = 9, kSupports = 8;
  MatchClass(uint32_t length, uint32_t seen, uint32_t others, bool agrees);
  int number() const { return (length * kSupports + support) * 2 + agrees; }

  uint8_t length;   // 1, 2, 3, to 5, to 8, to 15, to 31, to 63, more
  uint8_t support;  // never others, after it came once, twice, more often; 9/10 of all, 3/4, > 1/2, 1/3, less
  bool agrees;
};
inline constexpr int kMatchClasses = MatchClass::kLengths * MatchClass::kSupports * 2;

// Of many texts.
float usual_rate(MatchClass match);
// The same when nothing is known of shorter matches: for sources that look at one length only.
float usual_rate(int length, double seen, double others);

// Learns how the guesses for one text fared. Can go back, to exactly what it was.
class MatchRates {
 public:
  MatchRates() { clear(); }
  void clear();

  // The chance that a guess is right: in (0, 1).
  float chance(MatchClass match) const;
  void learn(MatchClass match, bool right);
  void learn_nothing();  // a token for which there was no guess
  void forget_last();    // of the two above

 private:
  struct Cell {
    uint32_t tested, right;
    float log_odds;
  };
  struct Lesson {
    float lean_before;
    uint8_t number;  // kMatchClasses: nothing
    bool right;
  };
  void set(int number, uint32_t tested, uint32_t right);

  std::array<Cell, kMatchClasses> cells_;
  // What the last tokens say on top, in log odds: a text may change its ways, and cells of which little was
  // seen learn from the others. By support.
  std::array<float, MatchClass::kSupports> lean_;
  std::vector<Lesson> lessons_;
};

}  // namespace gannet

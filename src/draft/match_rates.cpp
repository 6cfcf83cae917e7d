#include "draft/match_rates.h"

#include <algorithm>
#include <cmath>

namespace gannet {
namespace {

// In 1000: [length][support][agrees]. Never others.
constexpr float kSure[MatchClass::kLengths][3][2] = {
    {{255, 255}, {511, 511}, {775, 775}}, {{234, 510}, {437, 690}, {692, 850}},
    {{307, 590}, {551, 752}, {874, 908}}, {{446, 700}, {763, 853}, {945, 950}},
    {{572, 804}, {765, 904}, {964, 977}}, {{658, 890}, {881, 952}, {985, 988}},
    {{710, 925}, {904, 970}, {985, 992}}, {{900, 955}, {930, 970}, {990, 994}},
    {{980, 995}, {985, 996}, {990, 997}},
};
// Others too, whatever the length.
constexpr float kMixed[5][2] = {{600, 750}, {360, 550}, {250, 365}, {160, 230}, {100, 140}};

constexpr float kWeight = 16;  // of the usual rate against what was learned, in tokens
constexpr float kPace = 0.05f;
constexpr float kLeast = 0.002f;

float log_odds(float p) {
  return std::log(p / (1 - p));
}

// By length up to 64.
constexpr auto kLengthClass = [] {
  std::array<uint8_t, 65> classes = {};
  for (uint8_t length = 2, c = 1; length <= 64; ++length) {
    classes[length] = c;
    for (const uint8_t last : {2, 3, 5, 8, 15, 31, 63}) c += length == last;
  }
  return classes;
}();
uint8_t length_class(uint32_t length) {
  return kLengthClass[std::min(length, 64u)];
}

uint8_t support_class(double seen, double others) {
  if (others == 0) return static_cast<uint8_t>(std::clamp(seen, 1.0, 3.0) - 1);
  if (seen >= 9 * others) return 3;
  if (seen >= 3 * others) return 4;
  if (seen > others) return 5;
  return 2 * seen >= others ? 6 : 7;
}

float rate(int length, int support, bool agrees) {
  return (support < 3 ? kSure[length][support][agrees] : kMixed[support - 3][agrees]) / 1000;
}

}  // namespace

MatchClass::MatchClass(uint32_t length_, uint32_t seen, uint32_t others, bool agrees_)
    : length(length_class(length_)), support(support_class(seen, others)), agrees(agrees_) {}

float usual_rate(MatchClass match) {
  return rate(match.length, match.support, match.agrees);
}

float usual_rate(int length, double seen, double others) {
  const int l = length_class(static_cast<uint32_t>(length)), s = support_class(seen, others);
  return 0.25f * rate(l, s, false) + 0.75f * rate(l, s, true);  // three in four do agree
}

void MatchRates::set(int number, uint32_t tested, uint32_t right) {
  const int length = number / 2 / MatchClass::kSupports, support = number / 2 % MatchClass::kSupports;
  const float p = (kWeight * rate(length, support, number % 2) + static_cast<float>(right)) /
                  (kWeight + static_cast<float>(tested));
  cells_[static_cast<size_t>(number)] = {tested, right, log_odds(std::clamp(p, kLeast, 1 - kLeast))};
}

void MatchRates::clear() {
  for (int i = 0; i < kMatchClasses; ++i) set(i, 0, 0);
  lean_.fill(0);
  lessons_.clear();
}

float MatchRates::chance(MatchClass match) const {
  const float odds = cells_[static_cast<size_t>(match.number())].log_odds + lean_[match.support];
  return std::clamp(1 / (1 + std::exp(-odds)), kLeast, 1 - kLeast);
}

void MatchRates::learn(MatchClass match, bool right) {
  const int number = match.number();
  float& lean = lean_[match.support];
  lessons_.push_back({lean, static_cast<uint8_t>(number), right});
  lean += kPace * ((right ? 1.0f : 0.0f) - chance(match));
  const Cell& cell = cells_[static_cast<size_t>(number)];
  set(number, cell.tested + 1, cell.right + right);
}

void MatchRates::learn_nothing() {
  lessons_.push_back({0, kMatchClasses, false});
}

void MatchRates::forget_last() {
  const Lesson lesson = lessons_.back();
  lessons_.pop_back();
  if (lesson.number == kMatchClasses) return;
  lean_[static_cast<size_t>(lesson.number / 2 % MatchClass::kSupports)] = lesson.lean_before;
  const Cell& cell = cells_[lesson.number];
  set(lesson.number, cell.tested - 1, cell.right - lesson.right);
}

}  // namespace gannet

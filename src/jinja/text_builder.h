// Makes a string out of pieces, keeping who wrote what, and stopping at the memory the rendering may use.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "jinja/budget.h"
#include "jinja/value.h"
#include "text/marked_text.h"

namespace gannet::jinja {

// Whether byte `at` of `text` is somebody else's.
inline bool is_foreign(const MarkedText& text, size_t at) {
  const auto after = std::upper_bound(text.foreign.begin(), text.foreign.end(), at,
                                      [](size_t byte, const TextRange& range) { return byte < range.begin; });
  return after != text.foreign.begin() && at < std::prev(after)->end;
}

class TextBuilder {
 public:
  explicit TextBuilder(MemoryMeter* meter) : meter_(meter) {}

  void own(std::string_view text) {
    if (fits(text.size())) made_.append(text, false);
  }
  void append(const MarkedText& text) {
    if (fits(text.text.size())) made_.append(text);
  }
  void append(const MarkedText& text, size_t begin, size_t end);
  // `text` as if it stood at byte `at` of `origin`.
  void like(std::string_view text, const MarkedText& origin, size_t at) {
    if (fits(text.size())) made_.append(text, is_foreign(origin, at));
  }

  size_t size() const { return made_.text.size(); }
  bool full() const { return full_; }  // what follows is dropped, finish() will fail
  const MarkedText& text() const { return made_; }

  Result<Value> finish();
  Result<MarkedText> take();  // charged to nobody from here on

 private:
  bool fits(size_t more) {
    const size_t size = made_.text.size() + more;
    return !full_ && (size <= charge_.bytes() || grow(size));
  }
  bool grow(size_t size);

  MemoryMeter* meter_;
  MemoryCharge charge_;
  bool full_ = false;
  MarkedText made_;
};

// Values whose memory is counted.
Result<Value> make_string(MemoryMeter* meter, MarkedText text);
Result<Value> make_own(MemoryMeter* meter, std::string text);
Result<Value> make_list(MemoryMeter* meter, std::vector<Value> items);
Result<Value> make_tuple(MemoryMeter* meter, std::vector<Value> items);
Result<Value> make_dict(MemoryMeter* meter, std::vector<DictData::Entry> entries);
Result<Value> make_slice(MemoryMeter* meter, const MarkedText& text, size_t begin, size_t end);

}  // namespace gannet::jinja

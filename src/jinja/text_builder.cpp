#include "jinja/text_builder.h"

#include <iterator>
#include <memory>
#include <utility>

namespace gannet::jinja {
namespace {

constexpr size_t kOverhead = 48;  // a handle, a counter, and what the allocator adds

}  // namespace

void TextBuilder::append(const MarkedText& text, size_t begin, size_t end) {
  if (begin >= end || !fits(end - begin)) return;
  const std::string_view all = text.text;
  auto range = std::lower_bound(text.foreign.begin(), text.foreign.end(), begin,
                                [](const TextRange& r, size_t byte) { return r.end <= byte; });
  while (begin < end) {
    if (range == text.foreign.end() || range->begin >= end) {
      made_.append(all.substr(begin, end - begin), false);
      return;
    }
    if (range->begin > begin) made_.append(all.substr(begin, range->begin - begin), false);
    const size_t from = std::max(begin, range->begin), to = std::min(end, range->end);
    made_.append(all.substr(from, to - from), true);
    begin = to;
    ++range;
  }
}

// By doubling, as the string itself does.
bool TextBuilder::grow(size_t size) {
  const size_t held = charge_.bytes();
  full_ = !charge_.grow(meter_, std::max(size, 2 * held) - held) && !charge_.grow(meter_, size - held);
  return !full_;
}

Result<MarkedText> TextBuilder::take() {
  if (full_) return meter_->refusal();
  return std::move(made_);
}

Result<Value> TextBuilder::finish() {
  MarkedText text = GANNET_TRY(take());
  charge_ = {};
  return make_string(meter_, std::move(text));
}

Result<Value> make_string(MemoryMeter* meter, MarkedText text) {
  StringData data{std::move(text), {}};
  const size_t bytes = sizeof(StringData) + kOverhead + data.text.text.capacity() +
                       data.text.foreign.capacity() * sizeof(TextRange);
  if (!data.charge.grow(meter, bytes)) return meter->refusal();
  return Value::of(std::make_shared<const StringData>(std::move(data)));
}

Result<Value> make_own(MemoryMeter* meter, std::string text) {
  return make_string(meter, {std::move(text), {}});
}

Result<Value> make_slice(MemoryMeter* meter, const MarkedText& text, size_t begin, size_t end) {
  TextBuilder made(meter);
  made.append(text, begin, end);
  return made.finish();
}

static Result<Value> make_sequence(MemoryMeter* meter, std::vector<Value> items, bool tuple) {
  auto data = std::make_shared<ListData>(std::move(items), tuple, tuple);
  if (!data->charge.grow(meter, sizeof(ListData) + kOverhead + data->items.capacity() * sizeof(Value)))
    return meter->refusal();
  return Value::of(std::move(data));
}

Result<Value> make_list(MemoryMeter* meter, std::vector<Value> items) {
  return make_sequence(meter, std::move(items), false);
}

Result<Value> make_tuple(MemoryMeter* meter, std::vector<Value> items) {
  return make_sequence(meter, std::move(items), true);
}

Result<Value> make_dict(MemoryMeter* meter, std::vector<DictData::Entry> entries) {
  auto data = std::make_shared<DictData>(std::move(entries));
  // An entry, and about as much again in the index.
  if (!data->charge.grow(meter,
                         sizeof(DictData) + kOverhead + data->entries().size() * 2 * sizeof(DictData::Entry)))
    return meter->refusal();
  return Value::of(std::shared_ptr<const DictData>(std::move(data)));
}

}  // namespace gannet::jinja

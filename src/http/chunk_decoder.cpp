#include "http/chunk_decoder.h"

#include <algorithm>

namespace gannet {
namespace {

// Of all extensions and trailers of a body: nobody sends more than a few bytes of them.
constexpr size_t kIgnoredBytes = 8 << 10;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 ? c != '\t' : c == 0x7f;
}

}  // namespace

LineCheck::Result LineCheck::feed(std::string_view piece) {
  for (const char c : piece) {
    if ((previous_ == '\r') != (c == '\n')) return Result::kBad;
    ++bytes_;
    if (c == '\n') {
      ++lines_;
      if (line_bytes_ == 0) return Result::kEnd;
      line_bytes_ = 0;
    } else if (c != '\r') {
      if (is_control(c)) return Result::kBad;
      if (line_bytes_ == 0 && (c == ' ' || c == '\t')) return Result::kBad;
      ++line_bytes_;
      if (lines_ == 0) ++first_line_bytes_;
    }
    previous_ = c;
  }
  return Result::kMore;
}

// The line before a chunk. `room`: what may still be added to the body.
ChunkDecoder::Result ChunkDecoder::size_byte(char c, uint64_t room) {
  constexpr size_t kMaxDigits = 16;
  const int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
  if (state_ == State::kSize && digit >= 0) {
    if (++digits_ > kMaxDigits) return Result::kBad;
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    return Result::kMore;
  }
  if (digits_ == 0) return Result::kBad;
  if (c == '\r') {
    state_ = State::kSizeEnd;
    return left_ > room ? Result::kTooLarge : Result::kMore;
  }
  if (is_control(c) || (state_ == State::kSize && c != ';')) return Result::kBad;
  state_ = State::kExtension;
  return ++ignored_ > kIgnoredBytes ? Result::kBad : Result::kMore;
}

ChunkDecoder::Result ChunkDecoder::feed(std::string_view piece, uint64_t limit, std::string* body,
                                        size_t* used) {
  for (size_t at = 0; at < piece.size();) {
    *used = at;
    const char c = piece[at];
    switch (state_) {
      case State::kSize:
      case State::kExtension: {
        const Result r = size_byte(c, limit - std::min<uint64_t>(limit, body->size()));
        if (r != Result::kMore) return r;
        ++at;
        break;
      }
      case State::kSizeEnd:
        if (c != '\n') return Result::kBad;
        ++at;
        state_ = left_ == 0 ? State::kTrailers : State::kData;
        break;
      case State::kData: {
        const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, piece.size() - at));
        body->append(piece.substr(at, n));
        at += n;
        left_ -= n;
        if (left_ == 0) state_ = State::kDataCr;
        break;
      }
      case State::kDataCr:
        if (c != '\r') return Result::kBad;
        ++at;
        state_ = State::kDataLf;
        break;
      case State::kDataLf:
        if (c != '\n') return Result::kBad;
        ++at;
        digits_ = 0;
        state_ = State::kSize;
        break;
      case State::kTrailers: {
        const size_t before = trailers_.bytes();
        const LineCheck::Result r = trailers_.feed(piece.substr(at));
        at += trailers_.bytes() - before;
        *used = at;
        if (r == LineCheck::Result::kEnd) return Result::kEnd;
        if (r == LineCheck::Result::kBad || trailers_.bytes() > kIgnoredBytes) return Result::kBad;
        break;
      }
    }
  }
  *used = piece.size();
  return Result::kMore;
}

}  // namespace gannet

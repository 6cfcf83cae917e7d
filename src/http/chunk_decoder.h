// The lines of a request and the chunks of its body, read strictly: what parsers differ in is an error.
// Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gannet {

// Looks at each byte of a header once: lines end with CR LF and nothing else, no control characters, no line
// that goes on the one before (obs-fold), up to the empty line.
class LineCheck {
 public:
  enum class Result : uint8_t { kMore, kEnd, kBad };

  // The next piece; reads no further than the end of the header. At kBad this cannot be used any more.
  Result feed(std::string_view piece);
  size_t bytes() const { return bytes_; }  // read so far
  size_t lines() const { return lines_; }
  size_t first_line_bytes() const { return first_line_bytes_; }

 private:
  size_t bytes_ = 0, lines_ = 0, line_bytes_ = 0, first_line_bytes_ = 0;
  char previous_ = 0;
};

// Chunked bodies. Beast has a decoder, but one of its assertions can be made to fail by what a client sends
// (1.81).
class ChunkDecoder {
 public:
  enum class Result : uint8_t { kMore, kEnd, kBad, kTooLarge };

  // Appends what is data to `body`, which may hold `limit` bytes. Takes all of `piece` unless it ends within.
  // A chunk that will not fit is kTooLarge as soon as its size is known. Extensions and trailers are checked
  // and left out.
  Result feed(std::string_view piece, uint64_t limit, std::string* body, size_t* used);

 private:
  enum class State : uint8_t { kSize, kExtension, kSizeEnd, kData, kDataCr, kDataLf, kTrailers };
  Result size_byte(char c, uint64_t room);

  State state_ = State::kSize;
  uint64_t left_ = 0;   // of the chunk
  size_t digits_ = 0;   // of its size
  size_t ignored_ = 0;  // bytes of extensions
  LineCheck trailers_;
};

}  // namespace gannet

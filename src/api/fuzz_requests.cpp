// Every reader of bodies on any bytes: no crash, and errors that name a field. The first byte chooses the
// reader.
#include <cstddef>
#include <cstdint>

#include "api/answer_writer.h"
#include "api/read_request.h"
#include "api/services.h"
#include "base/check.h"
#include "chat/reader.h"

namespace gannet {
namespace {

// An answer to whatever was asked can be written.
void answer(GenerationRequest request) {
  for (const bool stream : {false, true}) {
    request.stream = stream;
    auto writer = make_answer_writer(request, {.unique = "u", .model = request.model});
    for (size_t i = 0; i < request.n_choices(); ++i) {
      writer->write(AnswerStarted{.choice = i});
      writer->write(AnswerPiece{.choice = i, .deltas = {{.kind = OutputDelta::Kind::kContent, .text = "a"}}});
      writer->write(AnswerFinished{.choice = i});
    }
    GANNET_CHECK(writer->done(), "an answer without an end");
  }
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gannet;
  if (size < 1) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto check = [](const Error& error) {
    GANNET_CHECK(error.code() == ErrorCode::kUsage, error.message().c_str());
    GANNET_CHECK(error.message().find(": ") != std::string::npos, error.message().c_str());
  };
  const size_t which = data[0] % (std::size(kDialects) + 1);
  if (which < std::size(kDialects)) {
    auto request = read_request(kDialects[which], body);
    if (request.ok()) {
      answer(request.take());
    } else {
      check(request.error());
    }
    return 0;
  }
  const auto json = read_json(body, "request");
  if (!json.ok()) return 0;
  if (const auto read = read_tokenize(*json); !read.ok()) check(read.error());
  if (const auto read = read_detokenize(*json); !read.ok()) check(read.error());
  if (const auto read = read_apply_template(*json); !read.ok()) check(read.error());
  if (const auto read = read_ollama_show(*json); !read.ok()) check(read.error());
  if (const auto read = read_control(*json); !read.ok()) check(read.error());
  return 0;
}

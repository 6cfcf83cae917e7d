// llama.cpp's own /completion and /infill.
#include <fmt/core.h>

#include "api/raw_prompt.h"
#include "api/read_request.h"
#include "api/request_fields.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

void read_native_fields(const Fields& fields, GenerationRequest* request) {
  read_extras(fields, request);
  for (const char* key : {"max_tokens", "n_predict"}) read_max_tokens(fields, key, request);
  read_response_format(fields, "response_format", false, &request->format);
  if (request->n_choices() > 1 && request->slot)
    fields.fail("id_slot", "cannot be combined with several answers");
}

}  // namespace

Result<GenerationRequest> read_native_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kNative;
  request.input = read_raw_input(fields, "prompt");
  read_native_fields(fields, &request);
  if (problem) return *std::move(problem);
  return request;
}

Result<GenerationRequest> read_infill_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kInfill;
  InfillInput infill;
  fields.needed_text("input_prefix", &infill.prefix);
  fields.needed_text("input_suffix", &infill.suffix);
  fields.text("prompt", &infill.prompt);
  const Json& extra = fields.list("input_extra");
  for (size_t i = 0; i < extra.size() && fields.ok(); ++i) {
    const Fields one(extra[i], fmt::format("input_extra[{}]", i), &problem);
    InfillInput::Extra file;
    one.text("filename", &file.filename);
    one.needed_text("text", &file.text);
    infill.extra.push_back(std::move(file));
  }
  request.input = std::move(infill);
  read_native_fields(fields, &request);
  if (problem) return *std::move(problem);
  return request;
}

}  // namespace gannet

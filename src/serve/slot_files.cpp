#include "serve/slot_files.h"

#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "chat/reader.h"
#include "engine/state_file.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct SlotAction {
  ModelLease service;
  std::string path, filename;
  size_t slot;
  std::function<void(Result<std::string>)> done;
  Clock::time_point began = Clock::now();

  std::string fingerprint() const {
    return state_fingerprint(service->options().fingerprint, service->session().pool().layout());
  }
  void finish(const char* n_tokens, size_t n, const char* n_bytes, const char* time) const {
    std::error_code problem;
    const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path, problem));
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
    done(Json{
        {"id_slot", slot}, {"filename", filename}, {n_tokens, n}, {n_bytes, bytes}, {"timings", {{time, ms}}}}
             .dump());
  }
};

// A bare name: files of others are none of the client's business.
Result<std::string> file_name(const std::string& body) {
  const Json json = GANNET_TRY(read_json(body, "the body"));
  const auto name = json.is_object() ? json.find("filename") : json.end();
  if (!json.is_object() || name == json.end() || !name->is_string())
    return Error(ErrorCode::kUsage, "filename: a name is needed");
  auto text = name->get<std::string>();
  const bool bare =
      !text.empty() && text.size() < 200 && text.front() != '.' &&
      std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != '/' && c != '\\' && c < 127; });
  if (!bare)
    return Error(ErrorCode::kUsage,
                 "filename: letters, digits and signs without / or a dot in front are allowed");
  return text;
}

// The end of what was read, and places before it where the next turn may part from it.
constexpr size_t kMostPoints = 4;

void save(const std::shared_ptr<SlotAction>& action) {
  Scheduler& scheduler = action->service->scheduler();
  scheduler.post([action, &scheduler] {
    const std::vector<TokenId>& text = scheduler.slot_text(action->slot);
    std::vector<TextPoint> points;
    for (size_t most = text.size(); points.size() < kMostPoints;) {
      auto hit = scheduler.cache().find(text, most);
      if (!hit) break;
      const auto end = text.begin() + static_cast<std::ptrdiff_t>(hit->n_tokens);
      points.insert(points.begin(), {{text.begin(), end}, std::move(hit->state)});
      most = hit->n_tokens - 1;
    }
    action->service->later([action, points = std::move(points)] {
      if (points.empty()) {
        action->done(Error(ErrorCode::kUsage, "nothing was read in this slot, or it was forgotten since"));
        return;
      }
      const auto written = write_text_points(action->path, action->fingerprint(),
                                             action->service->session().pool().layout(), points);
      if (!written.ok())
        action->done(written.error());
      else
        action->finish("n_saved", points.back().tokens.size(), "n_written", "save_ms");
    });
  });
}

void restore(const std::shared_ptr<SlotAction>& action) {
  auto found = [&]() -> Result<std::vector<TextPoint>> {
    if (!std::filesystem::exists(action->path)) return Error(ErrorCode::kUsage, "there is no such file");
    auto points = GANNET_TRY(read_text_points(action->path, action->fingerprint(),
                                              action->service->session().pool().shared_from_this()));
    const int32_t n_vocab = action->service->tokenizer().vocabulary().size();
    for (const TokenId token : points.back().tokens)
      if (token < 0 || token >= n_vocab)
        return Error(ErrorCode::kUsage, "its tokens are of another vocabulary");
    return points;
  }();
  if (!found.ok()) {
    const ErrorCode code =
        found.error().code() == ErrorCode::kRuntime ? ErrorCode::kUsage : found.error().code();
    action->done(Error(code, "filename: " + found.error().message()));
    return;
  }
  Scheduler& scheduler = action->service->scheduler();
  scheduler.post([action, &scheduler, points = found.take()] {
    scheduler.slot_text(action->slot) = points.back().tokens;
    for (const TextPoint& point : points) scheduler.cache().remember(point.tokens, point.state, true);
    action->finish("n_restored", points.back().tokens.size(), "n_read", "restore_ms");
  });
}

void erase(const std::shared_ptr<SlotAction>& action) {
  Scheduler& scheduler = action->service->scheduler();
  scheduler.post([action, &scheduler] {
    const std::vector<TokenId> tokens = std::exchange(scheduler.slot_text(action->slot), {});
    scheduler.cache().forget(tokens);
    action->done(Json{{"id_slot", action->slot}, {"n_erased", tokens.size()}}.dump());
  });
}

}  // namespace

void slot_action(const ModelLease& service, const std::string& folder, size_t slot, const std::string& action,
                 const std::string& body, std::function<void(Result<std::string>)> done) {
  const auto made = std::make_shared<SlotAction>(SlotAction{service, "", "", slot, std::move(done)});
  if (slot >= service->scheduler().slots().size())
    return made->done(Error(ErrorCode::kUsage, fmt::format("there is no slot {}", slot)));
  if (action == "erase") return erase(made);
  if (action != "save" && action != "restore")
    return made->done(Error(ErrorCode::kUsage, "action: save, restore or erase"));
  auto name = file_name(body);
  if (!name.ok()) return made->done(name.take_error());
  made->filename = name.take();
  made->path = (std::filesystem::path(folder) / made->filename).string();
  service->later([made, saves = action == "save"] { saves ? save(made) : restore(made); });
}

}  // namespace gannet

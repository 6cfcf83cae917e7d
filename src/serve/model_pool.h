// The models that a server has: loaded when somebody asks for them, unloaded when memory is needed for
// another or nobody has asked for a while, and never while one of their answers is going on.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/services.h"
#include "serve/model_service.h"

namespace gannet {

// All that belongs to a model in memory. Its end may take a while: what is to be kept on disk is written.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  virtual ModelService& service() = 0;
};

struct ServedModel {
  ModelCard card;     // what is known without loading it; id and aliases are how clients call it
  int64_t bytes = 0;  // of memory, about
  // Runs on a thread of the pool, with no other load beside it.
  std::function<Result<std::unique_ptr<LoadedModel>>()> load;
};

struct ModelPoolOptions {
  size_t most_loaded = 0;            // 0: as many as have room
  int64_t most_bytes = 0;            // of all loaded ones; 0: no limit
  std::chrono::seconds idle_time{};  // after that a model that nobody asks for is unloaded; 0: never
  size_t most_waiting = 64;          // requests that wait for a model; more are refused
  // Whole sentences, by any thread: what is loaded and unloaded. May be null.
  std::function<void(const std::string& text)> say = {};
};

// While it is held the model stays loaded. May be let go by any thread.
using ModelLease = std::shared_ptr<ModelService>;

enum class ModelState : uint8_t { kUnloaded, kLoading, kLoaded, kUnloading };

// Thread-safe.
class ModelPool {
 public:
  // At least one model; the first is meant when a request names none.
  ModelPool(std::vector<ServedModel> models, ModelPoolOptions options);
  // Ends all that is being answered. Leases must be gone soon after the server's exchanges are.
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  // Loads the first model now; until that is done the pool is not ready(). Before anybody uses it.
  void preload(std::function<void(const Result<void>& loaded)> done);
  bool ready() const { return ready_; }

  size_t size() const { return models_.size(); }
  // By id or alias. A server with one model answers to any name. Nothing: it has none of this name.
  std::optional<size_t> find(std::string_view name) const;
  // Calls `then` with the model: at once if it is loaded, else from a thread of the pool when it is, or
  // cannot be loaded. False: too many wait, `then` is not called.
  [[nodiscard]] bool use(size_t model, std::function<void(Result<ModelLease>)> then);
  // The model if it is loaded; that does not count as using it, and it may be told to go meanwhile.
  ModelLease peek(size_t model) const;
  // As soon as nobody uses it.
  void unload(size_t model);

  ModelState state(size_t model) const;
  // Of all models; those that are loaded say what they are.
  std::vector<ModelCard> cards() const;
  ModelCard card(size_t model) const;
  const ModelPoolOptions& options() const { return options_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  struct Entry;
  struct Waiting {
    size_t model;
    std::function<void(Result<ModelLease>)> then;
  };
  ModelLease lease(Entry& entry) const;
  void let_go(Entry& entry) const;
  void run();
  void serve_next(Lock& lock);
  bool make_room(Lock& lock, const Entry& wanted);
  void unload(Lock& lock, Entry& entry);
  Entry* least_used() const;
  void unload_idle(Lock& lock);
  void say(const std::string& text) const;

  const ModelPoolOptions options_;
  mutable std::mutex mutex_;  // of what follows
  mutable std::condition_variable changed_;
  std::vector<std::unique_ptr<Entry>> models_;
  std::deque<Waiting> waiting_;
  bool stopping_ = false;
  std::atomic<bool> ready_ = true;
  std::thread thread_;
};

}  // namespace gannet

#include "serve/model_pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/printable.h"

namespace gannet {

struct ModelPool::Entry {
  ServedModel model;
  ModelState state = ModelState::kUnloaded;
  std::unique_ptr<LoadedModel> loaded = {};
  int users = 0;
  bool unwanted = false;  // to be unloaded as soon as nobody uses it
  Clock::time_point used = {};
};

ModelPool::ModelPool(std::vector<ServedModel> models, ModelPoolOptions options)
    : options_(std::move(options)) {
  GANNET_CHECK(!models.empty());
  for (ServedModel& model : models) {
    models_.push_back(std::make_unique<Entry>());
    models_.back()->model = std::move(model);
  }
  thread_ = std::thread([this] { run(); });
}

ModelPool::~ModelPool() {
  std::deque<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting.swap(waiting_);
  }
  changed_.notify_all();
  thread_.join();
  for (Waiting& one : waiting) one.then(Error(ErrorCode::kInterrupted, "the server is going down"));
  for (auto& entry : models_)
    if (entry->loaded) entry->loaded->service().stop();
  {
    Lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return std::ranges::all_of(models_, [](const auto& e) { return e->users == 0; }); });
  }
  for (auto& entry : models_) entry->loaded = nullptr;
}

void ModelPool::preload(std::function<void(const Result<void>&)> done) {
  ready_ = false;
  const std::lock_guard lock(mutex_);
  waiting_.push_front({0, [this, done = std::move(done)](const Result<ModelLease>& lease) {
                         ready_ = lease.ok();
                         done(lease.ok() ? Result<void>() : lease.error());
                       }});
  changed_.notify_all();
}

std::optional<size_t> ModelPool::find(std::string_view name) const {
  for (size_t i = 0; i < models_.size(); ++i) {
    const ModelCard& card = models_[i]->model.card;
    if (card.id == name || std::ranges::find(card.aliases, name) != card.aliases.end()) return i;
  }
  if (name.empty() || models_.size() == 1) return 0;
  return std::nullopt;
}

// With the mutex held.
ModelLease ModelPool::lease(Entry& entry) const {
  ++entry.users;
  entry.used = Clock::now();
  return {&entry.loaded->service(), [this, &entry](ModelService*) { let_go(entry); }};
}

void ModelPool::let_go(Entry& entry) const {
  const std::lock_guard lock(mutex_);
  --entry.users;
  entry.used = Clock::now();
  changed_.notify_all();
}

bool ModelPool::use(size_t model, std::function<void(Result<ModelLease>)> then) {
  Lock lock(mutex_);
  Entry& entry = *models_.at(model);
  if (entry.state == ModelState::kLoaded && entry.loaded->service().device_lost()) entry.unwanted = true;
  if (entry.state != ModelState::kLoaded || entry.unwanted) {
    if (stopping_ || waiting_.size() >= options_.most_waiting) return false;
    waiting_.push_back({model, std::move(then)});
    changed_.notify_all();
    return true;
  }
  ModelLease held = lease(entry);
  lock.unlock();
  then(std::move(held));
  return true;
}

ModelLease ModelPool::peek(size_t model) const {
  const std::lock_guard lock(mutex_);
  Entry& entry = *models_.at(model);
  if (entry.state != ModelState::kLoaded) return nullptr;
  const Clock::time_point used = entry.used;
  ModelLease held = lease(entry);
  entry.used = used;
  return held;
}

void ModelPool::unload(size_t model) {
  const std::lock_guard lock(mutex_);
  Entry& entry = *models_.at(model);
  if (entry.state == ModelState::kLoaded) entry.unwanted = true;
  changed_.notify_all();
}

ModelState ModelPool::state(size_t model) const {
  const std::lock_guard lock(mutex_);
  return models_.at(model)->state;
}

ModelCard ModelPool::card(size_t model) const {
  const std::lock_guard lock(mutex_);
  const Entry& entry = *models_.at(model);
  ModelCard card = entry.loaded ? entry.loaded->service().card() : entry.model.card;
  card.id = entry.model.card.id;
  card.aliases = entry.model.card.aliases;
  card.tags = entry.model.card.tags;
  card.loaded = entry.state == ModelState::kLoaded;
  return card;
}

std::vector<ModelCard> ModelPool::cards() const {
  std::vector<ModelCard> cards;
  for (size_t i = 0; i < models_.size(); ++i) cards.push_back(card(i));
  return cards;
}

void ModelPool::run() {
  Lock lock(mutex_);
  while (!stopping_) {
    for (auto& entry : models_)
      if (entry->unwanted && entry->users == 0) unload(lock, *entry);
    unload_idle(lock);
    if (!waiting_.empty())
      serve_next(lock);
    else if (options_.idle_time.count() > 0)
      changed_.wait_for(lock, std::chrono::seconds(1));
    else
      changed_.wait(lock);
  }
}

// Whoever waits longest gets the model, loaded if there is room; else the others finish first.
void ModelPool::serve_next(Lock& lock) {
  Entry& entry = *models_[waiting_.front().model];
  // One whose device is lost answers nobody any more; run() unloads it when its last request is gone.
  const bool lost = entry.state == ModelState::kLoaded && entry.loaded->service().device_lost();
  if (lost) entry.unwanted = true;
  if (lost && entry.users == 0) unload(lock, entry);
  if (lost && entry.state == ModelState::kLoaded) {
    changed_.wait(lock);
    return;
  }
  if (entry.state == ModelState::kUnloaded && !make_room(lock, entry)) {
    changed_.wait(lock);
    return;
  }
  if (stopping_ || waiting_.empty()) return;
  Result<void> loaded;
  if (entry.state == ModelState::kUnloaded) {
    entry.state = ModelState::kLoading;
    lock.unlock();
    say(fmt::format("{} is being loaded", printable(entry.model.card.id)));
    auto model = entry.model.load();
    lock.lock();
    entry.state = model.ok() ? ModelState::kLoaded : ModelState::kUnloaded;
    if (model.ok())
      entry.loaded = model.take();
    else
      loaded = model.take_error();
  }
  const bool stays = !entry.unwanted;
  std::vector<std::pair<Waiting, Result<ModelLease>>> answers;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (models_[it->model].get() != &entry) {
      ++it;
      continue;
    }
    answers.emplace_back(std::move(*it), loaded.ok() ? Result<ModelLease>(lease(entry)) : loaded.error());
    it = waiting_.erase(it);
    if (!stays) break;
  }
  lock.unlock();
  for (auto& [waiting, held] : answers) waiting.then(std::move(held));
  answers.clear();
  lock.lock();
}

ModelPool::Entry* ModelPool::least_used() const {
  Entry* least = nullptr;
  for (const auto& entry : models_)
    if (entry->state == ModelState::kLoaded && (least == nullptr || entry->used < least->used))
      least = entry.get();
  return least;
}

// False: who is to go still has answers to finish; nobody new gets it.
bool ModelPool::make_room(Lock& lock, const Entry& wanted) {
  while (true) {
    size_t n = 1;
    int64_t bytes = wanted.model.bytes;
    for (const auto& entry : models_) {
      if (entry->state != ModelState::kLoaded) continue;
      ++n;
      bytes += entry->model.bytes;
    }
    const bool fits = (options_.most_loaded == 0 || n <= options_.most_loaded) &&
                      (options_.most_bytes == 0 || bytes <= options_.most_bytes);
    if (fits || n == 1) return true;
    Entry* victim = nullptr;
    for (const auto& entry : models_)
      if (entry->unwanted) victim = entry.get();
    if (victim == nullptr) victim = least_used();
    victim->unwanted = true;
    if (victim->users > 0) return false;
    unload(lock, *victim);
  }
}

void ModelPool::unload(Lock& lock, Entry& entry) {
  entry.state = ModelState::kUnloading;
  std::unique_ptr<LoadedModel> loaded = std::move(entry.loaded);
  lock.unlock();
  loaded = nullptr;
  say(fmt::format("{} is unloaded", printable(entry.model.card.id)));
  lock.lock();
  entry.unwanted = false;
  entry.state = ModelState::kUnloaded;
}

void ModelPool::unload_idle(Lock& lock) {
  if (options_.idle_time.count() == 0) return;
  for (auto& entry : models_)
    if (entry->state == ModelState::kLoaded && entry->users == 0 &&
        Clock::now() - entry->used > options_.idle_time)
      unload(lock, *entry);
}

void ModelPool::say(const std::string& text) const {
  if (options_.say) options_.say(text);
}

}  // namespace gannet

// A server with the pocket model behind real sockets, for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/drafters.h"
#include "engine/vocabulary_from_gguf.h"
#include "http/http_client_for_test.h"
#include "serve/routes.h"

namespace gannet {

using Json = nlohmann::ordered_json;

// The pocket model with all that belongs to it.
class PocketModel : public LoadedModel {
 public:
  PocketModel(ModelServiceOptions options, const std::string& cache_folder,
              std::shared_ptr<Device> device = nullptr) {
    SpeculationOptions speculation;
    SessionOptions s;
    s.n_ctx = 1024;
    s.n_threads = 1;
    s.exact = true;
    s.device = std::move(device);
    fit_session(s, speculation, model()->hyperparameters());
    session_ = Session::create(model(), s).take();
    decoder_ = std::make_unique<Decoder>(
        *session_, tokenizer_.vocabulary(), DecoderOptions{speculation, {}, {}},
        make_drafters(*session_, tokenizer_.vocabulary(), speculation, options.scheduler.n_streams).take());
    if (!cache_folder.empty()) {
      StateStoreOptions store;
      store.folder = cache_folder;
      store_ = StateStore::open(session_->pool().shared_from_this(), store).take();
      options.scheduler.store = store_.get();
    }
    options.name = "pocket";
    service_ = ModelService::create(*session_, *decoder_, tokenizer_, std::move(options)).take();
  }
  ~PocketModel() override { service_ = nullptr; }
  ModelService& service() override { return *service_; }
  static const std::shared_ptr<const Model>& model() {
    static const auto loaded = Model::load("models/pocket.gguf", {}, nullptr).take();
    return loaded;
  }

 private:
  Tokenizer tokenizer_ = tokenizer_from_gguf(model()->file()).take();
  std::unique_ptr<Session> session_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<ModelService> service_;
};

struct ServeTest : testing::Test {
  Tokenizer tokenizer = tokenizer_from_gguf(PocketModel::model()->file()).take();
  std::string folder = testing::TempDir() + "serve_test." + std::to_string(::getpid());
  std::unique_ptr<ModelPool> pool;
  ModelLease service;
  std::unique_ptr<HttpServer> server;
  std::thread loop;
  RoutesOptions routes;  // of the next serve(), and ...
  std::function<void(const HttpAccess&)> access_log;

  void SetUp() override { serve({}); }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder);
  }
  void serve(const ModelServiceOptions& options, AccessOptions access = {}) {
    serve({{.card = {.id = "pocket"},
            .load = [options] { return std::unique_ptr<LoadedModel>(new PocketModel(options, "")); }}},
          {}, std::move(access));
    EXPECT_TRUE(pool->use(0, [](const Result<ModelLease>&) {}));
    while (!(service = pool->peek(0))) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void serve(std::vector<ServedModel> models, ModelPoolOptions options, AccessOptions access = {}) {
    stop();
    pool = std::make_unique<ModelPool>(std::move(models), std::move(options));
    routes.router.access = AccessPolicy(std::move(access));
    routes.version = "0";
    routes.slot_save_path = folder;
    std::filesystem::create_directories(folder);
    HttpOptions http;
    http.listen = {{.port = 0}};
    http.access_log = access_log;
    server = HttpServer::create(std::move(http), make_routes(*pool, routes)).take();
    loop = std::thread([this] { server->run(); });
  }
  void stop() {
    if (loop.joinable()) {
      server->stop(std::chrono::seconds(5));
      loop.join();
    }
    service = nullptr;
    server = nullptr;
    pool = nullptr;
  }
  uint16_t port() const { return server->addresses().front().port; }
  static std::string post_text(const std::string& path, const std::string& body,
                               const std::string& more = "") {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  RawClient::Answer post(const std::string& path, const Json& body, const std::string& more = "") const {
    RawClient client(port());
    client.send(post_text(path, body.dump(), more));
    return client.answer();
  }
  std::string fetch(const std::string& path) const {
    RawClient client(port());
    client.send(get(path));
    return client.answer().body;
  }
  static Json asks(const std::string& text, int n = 20, int seed = 1) {
    return {{"messages", {{{"role", "user"}, {"content", text}}}}, {"max_tokens", n}, {"seed", seed}};
  }
};

// The content of an answer in pieces, put together.
inline std::string joined(const std::string& events) {
  std::string text;
  for (size_t at = 0; (at = events.find("data: ", at)) != std::string::npos;) {
    at += 6;
    const std::string line = events.substr(at, events.find('\n', at) - at);
    if (line == "[DONE]") break;
    const Json event = Json::parse(line);
    if (!event["choices"].empty() && event["choices"][0]["delta"].contains("content"))
      text += event["choices"][0]["delta"]["content"].get<std::string>();
  }
  return text;
}

}  // namespace gannet

// The program as the tests of the command line start it: what went to stdout and stderr, and how it ended.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace gannet {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;  // 128 + signal when killed
  std::string out, err;
  bool one_line() const { return std::count(err.begin(), err.end(), '\n') == 1 && err.back() == '\n'; }
};

struct CliTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_cli_test_" + std::to_string(getpid()));
  void SetUp() override {
    setenv("GANNET_PROFILES", "", 1);  // what the user has measured is not for tests
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  // `before` is put in front of the command line: limits, variables. `arguments` may redirect again.
  Outcome gannet(const std::string& arguments, const std::string& input = "",
                 const std::string& before = "") {
    write("in", input);
    const std::string command = before + "timeout 120 " GANNET_PROGRAM " <" + (folder / "in").string() +
                                " >" + (folder / "out").string() + " 2>" + (folder / "err").string() + " " +
                                arguments;
    return started("bash " + write("command", command));
  }
  // What COMMAND printed, which may redirect that elsewhere, within a time.
  Outcome started(const std::string& command) {
    const int status = std::system(
        ("timeout 120 " + command + " >" + (folder / "out").string() + " 2>" + (folder / "err").string())
            .c_str());
    Outcome o;
    o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    o.out = read(folder / "out");
    o.err = read(folder / "err");
    return o;
  }
};

}  // namespace gannet

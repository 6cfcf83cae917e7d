// The chat as its tests start it.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "terminal_program.h"

namespace gannet {

namespace fs = std::filesystem;

inline constexpr const char* kReady = "\x1b[?2004h";  // the editor reads
inline const std::string kPaste = "\x1b[200~", kPasteEnd = "\x1b[201~";

struct ChatTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_chat_test_" + std::to_string(getpid()));
  std::map<std::string, std::string> variables = {
      {"TERM", "xterm"}, {"XDG_STATE_HOME", folder.string()}, {"LC_ALL", "C.UTF-8"}};
  void SetUp() override {
    unsetenv("GANNET_HISTORY");
    setenv("GANNET_PROFILES", "", 1);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  static std::vector<std::string> command(const std::vector<std::string>& more) {
    std::vector<std::string> words = {GANNET_PROGRAM, "run", "--temp", "0", "-t", "1", "--timings"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // Sends a message and returns the number of prompt tokens that were read for it.
  static int ask(TerminalProgram& chat, const std::string& message) {
    chat.send(message + "\r");
    chat.wait_for("[prompt ");
    const std::string count = chat.wait_for(" tokens");
    chat.wait_for(kReady);
    return std::atoi(count.c_str());
  }
  static std::string bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> history() const {
    std::ifstream in(folder / "gannet/history");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  // What is said about a message that is too long, without a terminal.
  std::string refusal(const std::string& message, const std::string& arguments) const {
    std::ofstream(folder / "message", std::ios::binary) << message;
    const std::string run = GANNET_PROGRAM " run " + arguments + " <" + (folder / "message").string() +
                            " 2>" + (folder / "refusal").string();
    EXPECT_EQ(WEXITSTATUS(std::system(run.c_str())), 1);
    std::string text = bytes(folder / "refusal");
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
};

}  // namespace gannet

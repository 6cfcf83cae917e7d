#include "cli/bench_report.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

BenchRecord generation() {
  BenchRecord r;
  r.build_commit = "abc1234";
  r.cpu_info = "Some CPU";
  r.model_filename = "it's \"mine\".gguf";
  r.model_type = "qwen35 0.75B Q4_0";
  r.model_size = int64_t{3} << 29;
  r.model_n_params = 752'394'240;
  r.n_threads = 2;
  r.n_gen = 128;
  r.test_time = "2026-01-31T12:00:00Z";
  r.isa = "avx2";
  r.samples_ns = {1'000'000'000, 2'000'000'000, 4'000'000'000};  // 128, 64, 32 t/s
  r.bytes_per_token = 500'000'000;
  r.read_bandwidth = 50e9;
  return r;
}

std::string print(const std::string& format, const std::vector<BenchRecord>& records,
                  const BenchColumns& columns = {}) {
  auto printer = make_bench_printer("-o", format, columns).take();
  std::string text = printer->begin();
  for (const BenchRecord& record : records) text += printer->row(record);
  return text + printer->end();
}

// One line of CSV, every value quoted.
std::vector<std::string> csv_values(const std::string& line) {
  std::vector<std::string> values;
  for (size_t at = 0; at < line.size();) {
    EXPECT_EQ(line[at], '"');
    std::string value;
    for (++at; at < line.size(); ++at) {
      if (line[at] != '"') {
        value += line[at];
      } else if (at + 1 < line.size() && line[at + 1] == '"') {
        value += line[at++];
      } else {
        break;
      }
    }
    values.push_back(value);
    at += 2;
  }
  return values;
}

TEST(BenchReport, TestNames) {
  BenchRecord r;
  r.n_prompt = 512;
  EXPECT_EQ(r.test_name(), "pp512");
  r.n_gen = 128;
  EXPECT_EQ(r.test_name(), "pp512+tg128");
  r.n_depth = 4096;
  EXPECT_EQ(r.test_name(), "pp512+tg128 @ d4096");
  r.n_prompt = 0;
  EXPECT_EQ(r.test_name(), "tg128 @ d4096");
  r.n_parallel = 4;
  EXPECT_EQ(r.test_name(), "tg128 @ d4096 x4");
  r.n_depth = 0;
  r.answers.emplace_back(32);
  EXPECT_EQ(r.test_name(), "32 answers tg128 x4");
}

TEST(BenchReport, RatesAreOfAllSequencesTogether) {
  BenchRecord r = generation();
  r.n_parallel = 4;
  EXPECT_THAT(r.samples_ts(), ElementsAre(512, 256, 128));
  r.samples_tokens = {100, 200, 300};  // answers that end
  EXPECT_THAT(r.samples_ts(), ElementsAre(100, 100, 75));
}

TEST(BenchReport, Statistics) {
  EXPECT_DOUBLE_EQ(bench_statistics({2, 4, 9}).mean, 5);
  EXPECT_DOUBLE_EQ(bench_statistics({2, 4, 9}).deviation, std::sqrt(13.0));
  EXPECT_DOUBLE_EQ(bench_statistics({7}).deviation, 0);
  EXPECT_DOUBLE_EQ(bench_statistics({}).mean, 0);
  EXPECT_DOUBLE_EQ(bench_median({9, 2, 4}), 4);
  EXPECT_DOUBLE_EQ(bench_median({9, 2, 4, 5}), 4.5);
  EXPECT_DOUBLE_EQ(bench_median({}), 0);
}

TEST(BenchReport, SharesOfTheMachine) {
  const BenchRecord tg = generation();
  EXPECT_THAT(tg.samples_ts(), ElementsAre(128, 64, 32));
  EXPECT_DOUBLE_EQ(tg.bandwidth_share(), 224.0 / 3 * 0.5 / 50);
  EXPECT_DOUBLE_EQ(tg.tflops(), 0);
  BenchRecord pp;
  pp.n_prompt = 100;
  pp.samples_ns = {500'000'000};
  pp.flops = 3'000'000'000'000;
  pp.read_bandwidth = 50e9;
  EXPECT_DOUBLE_EQ(pp.tflops(), 6);
  EXPECT_DOUBLE_EQ(pp.bandwidth_share(), 0);
}

// Scripts read these by name and some by position.
TEST(BenchReport, FieldsInTheEstablishedOrder) {
  std::string names;
  for (const BenchField& field : bench_fields({})) names += std::string(field.name) + " ";
  EXPECT_EQ(
      names,
      "build_commit build_number cpu_info gpu_info backends model_filename model_type model_size "
      "model_n_params "
      "n_batch n_ubatch n_threads cpu_mask cpu_strict poll type_k type_v n_gpu_layers n_cpu_moe split_mode "
      "main_gpu "
      "no_kv_offload flash_attn devices tensor_split tensor_buft_overrides load_mode lazy_mode embeddings "
      "no_op_offload no_host fit_target fit_min_ctx n_prompt n_gen n_depth test_time avg_ns stddev_ns avg_ts "
      "stddev_ts isa bytes_per_token read_bandwidth bandwidth_share tflops graph passes huge_page_share "
      "spec spec_text spec_synth_rates drafted verified accepted tokens_per_round n_parallel spec_prompts "
      "n_answers temperature seed same_text ratio_to_off ");
}

// Two ways to draft, in turns with none.
std::vector<BenchRecord> speculation() {
  std::vector<BenchRecord> records(3, generation());
  records[0].spec = "off";
  records[0].ratio_to_off = 1;
  records[0].drafts = {.rounds = 384, .tokens = 384};
  records[1].spec = "auto";
  records[1].ratio_to_off = 2;
  records[1].drafts = {.drafted = 400, .verified = 300, .accepted = 225, .rounds = 159, .tokens = 384};
  records[2].spec = "ngram-mod";
  records[2].ratio_to_off = 0.8;
  records[2].drafts = {.rounds = 384, .tokens = 384};
  return records;
}

TEST(BenchReport, WhatDraftingGave) {
  const auto json = bench_json(speculation()[1]);
  EXPECT_EQ(json["spec"], "auto");
  EXPECT_EQ(json["drafted"], 400);
  EXPECT_EQ(json["verified"], 300);
  EXPECT_EQ(json["accepted"], 225);
  EXPECT_DOUBLE_EQ(json["tokens_per_round"].get<double>(), 384.0 / 159);
  EXPECT_DOUBLE_EQ(BenchRecord{}.tokens_per_round(), 0);

  const std::string table = print("md", speculation(), {.spec = true});
  EXPECT_THAT(table, HasSubstr("225/300 75 % |      2.42 |"));
  EXPECT_THAT(table, HasSubstr("| off                      |"));
  EXPECT_THAT(table, HasSubstr("| auto                     |                        2.000 |"));
  EXPECT_THAT(table, HasSubstr("| ngram-mod                |                        0.800 |"));
  EXPECT_THAT(table, Not(HasSubstr("1.000")));
  BenchRecord alone = speculation()[1];
  alone.ratio_to_off = 0;
  EXPECT_THAT(print("md", {alone}, {.spec = true}), Not(HasSubstr("over t/s of off")));
  EXPECT_THAT(print("md", {generation()}), Not(HasSubstr("spec")));
}

TEST(BenchReport, CsvQuotesEveryValue) {
  const std::string text = print("csv", {generation()});
  const size_t line_end = text.find('\n');
  const std::string header = text.substr(0, line_end);
  const auto values = csv_values(text.substr(line_end + 1, text.size() - line_end - 2));
  EXPECT_THAT(header, HasSubstr("build_commit,build_number,cpu_info"));
  ASSERT_EQ(values.size(), bench_fields({}).size());
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(header, ',')), values.size() - 1);
  EXPECT_EQ(values[5], "it's \"mine\".gguf");
  EXPECT_EQ(values[11], "2");
  EXPECT_EQ(values[13], "0");           // a boolean
  EXPECT_EQ(values[37], "2333333333");  // avg_ns, rounded
  EXPECT_EQ(values[39], "74.666667");   // avg_ts: mean of the rates
}

TEST(BenchReport, SqlMakesATableAndQuotes) {
  const std::string text = print("sql", {generation(), generation()});
  EXPECT_THAT(
      text,
      HasSubstr("CREATE TABLE IF NOT EXISTS llama_bench (\n  build_commit TEXT,\n  build_number INTEGER,\n"));
  EXPECT_THAT(text, HasSubstr("  avg_ts REAL,\n"));
  EXPECT_THAT(text, HasSubstr("'it''s \"mine\".gguf'"));
  size_t inserts = 0;
  for (size_t at = 0; (at = text.find("INSERT INTO llama_bench (build_commit, ", at)) != std::string::npos;
       ++at)
    ++inserts;
  EXPECT_EQ(inserts, 2u);
}

TEST(BenchReport, JsonIsOneArrayWithSamples) {
  BenchRecord odd = generation();
  odd.model_filename = "bad\xff.gguf";
  for (const auto& records : {std::vector<BenchRecord>{}, {generation()}, {generation(), odd}}) {
    const auto parsed = nlohmann::json::parse(print("json", records));
    ASSERT_EQ(parsed.size(), records.size());
    for (const auto& object : parsed) {
      EXPECT_EQ(object.size(), bench_fields({}).size() + 3);
      EXPECT_EQ(object["samples_ns"], (std::vector<int64_t>{1'000'000'000, 2'000'000'000, 4'000'000'000}));
      EXPECT_EQ(object["samples_ts"], (std::vector<double>{128, 64, 32}));
      EXPECT_EQ(object["median_ts"], 64);
      EXPECT_EQ(object["graph"], "optimized");
      EXPECT_TRUE(object["cpu_strict"].is_boolean());
      EXPECT_TRUE(object["n_gen"].is_number_integer());
    }
  }
}

TEST(BenchReport, JsonLinesAreOneObjectEach) {
  const std::string text = print("jsonl", {generation(), generation()});
  const size_t line_end = text.find('\n');
  EXPECT_EQ(nlohmann::json::parse(text.substr(0, line_end)),
            nlohmann::json::parse(text.substr(line_end + 1)));
}

TEST(BenchReport, MarkdownTable) {
  BenchRecord pp = generation();
  pp.n_prompt = 512;
  pp.n_gen = 0;
  pp.bytes_per_token = 0;
  pp.flops = 1'000'000'000'000;
  pp.samples_ns = {2'000'000'000};
  pp.model_size = 100 << 20;
  pp.model_n_params = 34'660'000'000;
  EXPECT_EQ(
      print("md", {generation(), pp}),
      "| model                          |       size |     params | backend    | threads |            test |"
      "                  t/s |        reached |\n"
      "| ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: |"
      " -------------------: | -------------: |\n"
      "| qwen35 0.75B Q4_0              |   1.50 GiB |   752.39 M | CPU        |       2 |           tg128 |"
      "        74.67 ± 48.88 |   74.7 % of bw |\n"
      "| qwen35 0.75B Q4_0              | 100.00 MiB |    34.66 B | CPU        |       2 |           pp512 |"
      "        256.00 ± 0.00 |   0.500 TFLOPS |\n"
      "\nbuild: abc1234 (0)\nread bandwidth with 2 threads: 50.0 GB/s\n");
}

TEST(BenchReport, MarkdownShowsWhatWasSet) {
  BenchColumns columns;
  EXPECT_THAT(print("md", {generation()}, columns), Not(HasSubstr("n_ubatch")));
  columns = {.filename = true,
             .n_ubatch = true,
             .type_k = true,
             .type_v = true,
             .cpu_mask = true,
             .isa = true,
             .graph = true,
             .passes = true};
  const std::string text = print("md", {generation()}, columns);
  for (const char* title : {"| file ", " n_ubatch |", " type_k |", " type_v |", "| cpu_mask |", "| isa ",
                            "| graph ", "| passes "})
    EXPECT_THAT(text, HasSubstr(title));
  EXPECT_THAT(text, HasSubstr("| it's \"mine\".gguf "));
}

TEST(BenchReport, MarkdownComparesGraphs) {
  BenchRecord naive = generation();
  naive.graph = "naive";
  naive.samples_ns = {8'000'000'000, 2'000'000'000, 4'000'000'000};  // 16, 64, 32 t/s
  BenchRecord alone = naive;
  alone.n_gen = 64;
  EXPECT_THAT(print("md", {generation()}), Not(HasSubstr("ratio")));
  const std::string text = print("md", {naive, generation(), alone}, {.graph = true});
  EXPECT_THAT(text, HasSubstr("| naive     |           tg128 |"));
  EXPECT_THAT(
      text, HasSubstr("\n\n| model                          | threads |            test |   naive (median) | "
                      "  optimized (median) |   ratio |\n"));
  EXPECT_THAT(text,
              HasSubstr("| qwen35 0.75B Q4_0              |       2 |           tg128 |            32.00 | "
                        "               64.00 |    2.00 |\n\nbuild:"));
}

TEST(BenchReport, UnknownFormat) {
  const auto printer = make_bench_printer("-oe", "yaml", {});
  ASSERT_FALSE(printer.ok());
  EXPECT_EQ(printer.error().code(), ErrorCode::kUsage);
  EXPECT_THAT(printer.error().message(), HasSubstr("-oe yaml"));
}

}  // namespace
}  // namespace gannet

#include "imo/cli/account.hpp"
#include "imo/cli/arguments.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/completions.hpp"
#include "imo/cli/doctor.hpp"
#include "imo/cli/model.hpp"
#include "imo/cli/model_compile.hpp"
#include "imo/cli/model_random.hpp"

#include <memory>
#include <set>

#include <fmt/core.h>

namespace imo::cli {

namespace {

/// Every command path (`offering create`) with the words that may follow it.
void collect(const CLI::App& app, const std::string& path,
             std::vector<std::pair<std::string, std::set<std::string>>>& words) {
  std::set<std::string> here;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) here.insert(sub->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) here.insert("--" + name);
  }
  words.emplace_back(path, std::move(here));
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), words);
  }
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// bash, and zsh through its bashcompinit: the words typed so far name the command path.
std::string bash_script(const std::vector<std::pair<std::string, std::set<std::string>>>& words) {
  std::string script =
      "_imo() {\n"
      "  local path='' word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
      "  done\n"
      "  local known=''\n"
      "  case \"$path\" in\n";
  for (auto entry = words.rbegin(); entry != words.rend(); ++entry) {
    const std::string pattern = entry->first.empty() ? "*" : "\"" + entry->first + "\"*";
    script += fmt::format("    {}) known='{}' ;;\n", pattern, joined(entry->second));
  }
  return script +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$known\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _imo imo\n";
}

std::string fish_script(const std::vector<std::pair<std::string, std::set<std::string>>>& words) {
  std::string script;
  for (const auto& [path, following] : words) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      const std::string last = path.substr(path.rfind(' ') + 1);
      condition = "__fish_seen_subcommand_from " + last;
    }
    for (const std::string& word : following) {
      script += word.starts_with("--")
                    ? fmt::format("complete -c imo -n '{}' -l {}\n", condition, word.substr(2))
                    : fmt::format("complete -c imo -f -n '{}' -a {}\n", condition, word);
    }
  }
  return script;
}

void add_random(CommandLine& line, CLI::App* model) {
  auto options = std::make_shared<ModelRandomOptions>();
  CLI::App* random = model->add_subcommand("random", "random weights, to measure an engine with");
  add_parsed(random, "--parameters", options->parameters, parse_count, "about how many: 110M, 1.1B")
      ->required();
  random->add_option("--vocabulary", options->vocabulary, "tokens; as models of the size have");
  random->add_option("--context", options->context, "positions; as models of the size have");
  random->add_option("--seed", options->seed, "of the weights")->capture_default_str();
  random->add_option("-o,--output", options->output, ".imo, or .gguf in Q8_0")->required();
  line.on(random, [options](const GlobalOptions&) { return model_random(*options); });
}

void add_model(CommandLine& line) {
  CLI::App* model = line.app.add_subcommand("model", "compile a model, look at one");
  model->require_subcommand(1);
  auto options = std::make_shared<ModelCompileOptions>();
  CLI::App* compile = model->add_subcommand("compile", "turn a model into an integer program");
  compile->add_option("input", options->input, "GGUF file, or folder with safetensors")->required();
  compile->add_option("-o,--output", options->output,
                      "the .imo file; beside the input if left out");
  compile->add_option("--calibrate", options->calibration_text,
                      "text to choose exponents on; the model writes its own when left out");
  compile->add_option("--calibration-tokens", options->calibration_tokens, "how many of them")
      ->capture_default_str();
  compile
      ->add_option("--weights", options->weight_bits,
                   "bits of a weight: 8, or 4 with a scale for every 32 of them")
      ->capture_default_str();
  compile->add_option("--threads", options->execution.threads,
                      "as many as the machine runs at once; the same program for any number");
  line.on(compile, [options](const GlobalOptions&) { return model_compile(*options); });

  auto path = std::make_shared<std::filesystem::path>();
  CLI::App* show = model->add_subcommand("show", "shapes, exponents and roots of a .imo file");
  show->add_option("file", *path, ".imo file")->required();
  line.on(show, [path](const GlobalOptions&) { return model_show(*path); });
  add_random(line, model);
}

void add_account(CommandLine& line) {
  CLI::App* account = line.app.add_subcommand("account", "keys, kept as keystore files");
  account->require_subcommand(1);
  auto options = std::make_shared<AccountOptions>();
  CLI::App* make = account->add_subcommand("new", "make a key");
  make->add_option("name", options->name, "what to call it")->required();
  line.on(make, [options](const GlobalOptions& global) {
    options->password_file = global.password_file;
    return account_new(*options);
  });
  CLI::App* bring = account->add_subcommand("import", "keep a key that exists");
  bring->add_option("name", options->name, "what to call it")->required();
  bring->add_option("--key-file", options->key_file, "file with the key in hexadecimal")
      ->required();
  line.on(bring, [options](const GlobalOptions& global) {
    options->password_file = global.password_file;
    return account_import(*options);
  });
  line.on(account->add_subcommand("list", "names and addresses"),
          [](const GlobalOptions&) { return account_list(); });
}

}  // namespace

Result<std::string> completions(const CLI::App& app, const std::string& shell) {
  std::vector<std::pair<std::string, std::set<std::string>>> words;
  collect(app, "", words);
  if (shell == "bash") return bash_script(words);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(words);
  if (shell == "fish") return fish_script(words);
  return invalid("no completions for '" + shell + "'; there are bash, zsh and fish");
}

void add_local_commands(CommandLine& line) {
  add_model(line);
  add_account(line);
  line.on(line.app.add_subcommand("doctor", "look for what is wrong with your set-up"),
          [](const GlobalOptions& global) -> Result<Report> { return doctor(global); });
  auto shell = std::make_shared<std::string>();
  CLI::App* complete = line.app.add_subcommand("completions", "script for the Tab key of a shell");
  complete->add_option("shell", *shell, "bash, zsh or fish")->required();
  line.on(complete, [shell, &line](const GlobalOptions&) -> Result<Report> {
    IMO_TRY(const std::string script, completions(line.app, *shell));
    Report report;
    report.data = {{"shell", *shell}, {"script", script}};
    report.line(script);
    return report;
  });
}

}  // namespace imo::cli

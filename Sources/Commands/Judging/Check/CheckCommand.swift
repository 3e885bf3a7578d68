import ArgumentParser

/// `check`: whether a guest keeps what it should.
struct CheckCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Whether numbers keep their limits, and the guest is well.",
    usage: "guestscope check [<check>[=<limit>] ...] [--max-verified-insns <n>] "
      + "[--max-ns-per-call <n>] [--max-miss-rate <r>] [--budget <file>] "
      + "[--baseline <a.json> --tolerance <pct> [--absolute <n>]] [--format <format>]",
    discussion: """
      guestscope check
      guestscope check --max-verified-insns 100000 --max-ns-per-call 2000
      guestscope check task-stuck=30 scx-wait --budget limits.json --format junit

      Without a limit or a name it makes these checks, or those that are named:

      \(HealthCheck.help)

      Limits are on all programs, or, in a --budget, on any number that a command prints: \
      {"prog_stats":{"GLOB":{"ns_per_call":{"max":5000,"tolerance":10,"absolute":50}}}}. A limit has \
      max and min, and, against the --baseline, tolerance in percent and absolute: where both are \
      given, only what is more by both counts. ns_per_call and miss_rate are of programs with runs.

      Prints what is broken, and what cannot be measured; exit status 0 kept, 3 broken, 4 where \
      something cannot be measured.
      """)

  @Argument(
    help: ArgumentHelp("A check, perhaps with another limit.", valueName: "check"),
    completion: .list(HealthCheck.all.map(\.name)), transform: HealthRequest.init(argument:))
  var checks: [HealthRequest] = []
  @OptionGroup var limits: LimitArguments
  @Option(help: ArgumentHelp("How to print it: text, tap or junit.", valueName: "format"))
  var format = CheckResultFormat.text
  @Option(
    name: .customShort("n"),
    help: ArgumentHelp("Seconds from one sample of the guest to the next.", valueName: "s"))
  var seconds = 0.2
  @Option(help: ArgumentHelp("How often to look at the guest.", valueName: "n"))
  var samples = 5
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func validate() throws {
    guard (0.001...3600).contains(seconds), (1...1000).contains(samples) else {
      throw ValidationError("-n takes seconds, from 0.001 to 3600, and --samples 1 to 1000")
    }
    guard format == .text || output.form == .screen else {
      throw ValidationError("--format and -j ask for two forms of one answer")
    }
  }

  func answer(in session: Session) throws -> Answer {
    // Files before the guest.
    let baseline = try limits.baseline.map { try Baseline(path: $0) }
    let limits = try limits.all(baseline)
    let requests = limits.isEmpty && checks.isEmpty ? HealthRequest.standard : checks
    // Without a kernel nothing can be judged.
    _ = try session.kernel
    var verdicts = try session.verdicts(on: limits, baseline)
    if !requests.isEmpty {
      switch try session.measurable({ try session.observeHealth(samples: samples, every: seconds) })
      {
      case .success(let health):
        verdicts += CheckResult.lacking(health.missing, in: "health")
        verdicts += requests.flatMap { $0.verdicts(health) }
      case .failure(let error):
        verdicts += requests.map {
          CheckResult(check: $0.check.name, outcome: .unknown, evidence: "\(error)")
        }
      }
    }
    var answer = Answer(
      .array([JSON](verdicts, CheckResult.fields)), .lines(format.lines(verdicts)),
      remarks: [verdicts.summary] + limits.remarks(hasBaseline: baseline != nil))
    answer.notes.status = verdicts.status
    return answer
  }
}

/// The limits of a command line.
struct LimitArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The most instructions that the verifier may process for a program.", valueName: "n"))
  var maxVerifiedInsns: Double?
  @Option(
    help: ArgumentHelp("The most nanoseconds that a call of a program may take.", valueName: "n"))
  var maxNsPerCall: Double?
  @Option(
    help: ArgumentHelp("The share of its calls that a program may miss, 0 to 1.", valueName: "r"))
  var maxMissRate: Double?
  @Option(
    help: ArgumentHelp("A file with limits, in JSON.", valueName: "file"), completion: .file())
  var budget: String?
  @Option(
    help: ArgumentHelp("An earlier answer, to compare with.", valueName: "a.json"),
    completion: .file())
  var baseline: String?
  @Option(
    help: ArgumentHelp(
      "By how many percent a number may exceed that of the baseline.", valueName: "percent"))
  var tolerance: Double?
  @Option(
    help: ArgumentHelp("By how much a number may exceed that of the baseline.", valueName: "n"))
  var absolute: Double?

  func validate() throws {
    let isRelative = tolerance != nil || absolute != nil
    guard !isRelative || baseline != nil else {
      throw ValidationError("--tolerance and --absolute compare with a --baseline")
    }
    guard baseline == nil || isRelative || budget != nil else {
      throw ValidationError("--baseline takes a --tolerance, or a --budget with tolerances")
    }
    guard
      [tolerance, absolute, maxVerifiedInsns, maxNsPerCall, maxMissRate].allSatisfy({
        $0 ?? 0 >= 0
      })
    else { throw ValidationError("a limit must not be negative") }
    guard maxMissRate ?? 0 <= 1 else {
      throw ValidationError("--max-miss-rate takes a share, from 0 to 1")
    }
  }

  func all(_ baseline: Baseline?) throws -> [Limit] {
    func limit(_ most: Double?, _ question: Question, _ key: String) -> [Limit] {
      most.map { [Limit(question: question, objects: .all, key: key, bounds: .init(most: $0))] }
        ?? []
    }
    let bounds = Limit.Bounds(tolerance: tolerance, absolute: absolute)
    return limit(maxVerifiedInsns, .verifier, "verified_insns")
      + limit(maxNsPerCall, .stats, "ns_per_call") + limit(maxMissRate, .stats, "miss_rate")
      + (try budget.map { try Budget(path: $0).limits } ?? [])
      + (bounds.isRelative ? try baseline?.limits(bounds) ?? [] : [])
  }
}

extension Session {
  /// Each question is asked once.
  fileprivate func verdicts(on limits: [Limit], _ baseline: Baseline?) throws -> [CheckResult] {
    var answers: [Question: Result<AnswerValues, any Error>] = [:]
    var lacking: [CheckResult] = []
    var countsRuns = true
    for limit in limits where answers[limit.question] == nil {
      let question = limit.question
      // What one command cannot answer does not hide what another one shows.
      answers[question] = try measurable {
        let answer = try answer(to: question.words)
        lacking += CheckResult.lacking(answer.notes.missing, in: question.name)
        return AnswerValues(answer.document.withMeasures)
      }
    }
    if limits.contains(where: { ["ns_per_call", "miss_rate"].contains($0.key) }) {
      countsRuns = try kernelState().countsRuns != false
    }
    return lacking
      + limits.flatMap { limit -> [CheckResult] in
        switch answers[limit.question]! {
        case .failure(let error): [limit.unknown("\(error)")]
        case .success(let answer):
          limit.verdicts(
            on: answer,
            baseline: baseline?.question?.name == limit.question.name ? baseline?.values : nil,
            countsRuns: countsRuns)
        }
      }
  }

  /// What a read gives, or why this guest cannot answer it.
  ///
  /// - Throws: an error that every other read would meet too, as when the connection is lost, and one that is
  ///   not about the guest, such as a wrong option.
  fileprivate func measurable<T>(_ read: () throws -> T) throws -> Result<T, any Error> {
    do { return .success(try read()) } catch let error as any GuestFailure {
      guard !error.isOfConnection else { throw error }
      return .failure(error)
    } catch let error as CommandError { return .failure(error) }
  }
}

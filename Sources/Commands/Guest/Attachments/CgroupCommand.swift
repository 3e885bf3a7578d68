import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `cgroup`: programs that are attached to cgroups.
struct CgroupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cgroup", abstract: "Programs of cgroups: tree, show.",
    subcommands: [CgroupTree.self, CgroupShow.self], defaultSubcommand: CgroupTree.self)
}

/// `cgroup tree`: all cgroups with programs, with the keys of `bpftool -j cgroup tree`.
struct CgroupTree: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "tree", abstract: "The programs of all cgroups, or of those below one.",
    usage: "guestscope cgroup tree [<path>] [effective]",
    discussion: """
      cgroup tree
      cgroup tree /system.slice effective

      Programs that links attach are among them. With effective a cgroup has all programs that run \
      in it, also those that are attached to the cgroups above it.

      \(CgroupWords.explanation)
      """)

  @Argument(help: CgroupWords.pathHelp) var path: String?
  @Argument(help: CgroupWords.effectiveHelp) var effective: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { CgroupWords.next(after: words) }

  func validate() throws { _ = try query }

  private var query: CgroupQuery {
    get throws { try CgroupWords.query([path, effective], withDescendants: true) }
  }

  func answer(in session: Session) throws -> Answer {
    let snapshot = try CgroupWords.find(try query, in: session)
    let cgroups = snapshot.value.filter { !$0.programs.isEmpty }
    return Answer(
      .array(
        cgroups.map { cgroup in
          ["cgroup": .string(cgroup.path), "programs": .array(cgroup.programDocuments)]
        }),
      CgroupScreen(cgroups).tree, missing: snapshot.missing,
      remarks: cgroups.isEmpty && snapshot.missing.isEmpty
        ? [
          path == nil
            ? "no BPF program is attached to a cgroup of the guest"
            : "no BPF program is attached to this cgroup or to one below it"
        ]
        : [])
  }
}

/// `cgroup show`: the programs of a cgroup, with the keys of `bpftool -j cgroup show`.
struct CgroupShow: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The programs of a cgroup.",
    usage: "guestscope cgroup show <path> [effective]",
    discussion: """
      cgroup show /system.slice
      cgroup show /sys/fs/cgroup/system.slice effective

      With effective all programs that run in the cgroup, also those that are attached to the \
      cgroups above it.

      \(CgroupWords.explanation)
      """, aliases: ["list"])

  @Argument(help: CgroupWords.pathHelp) var path: String
  @Argument(help: CgroupWords.effectiveHelp) var effective: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { CgroupWords.next(after: words) }

  func validate() throws {
    guard try query.path != nil else {
      throw ValidationError(
        "cgroup show takes the path of a cgroup: /system.slice, or / for the root")
    }
  }

  private var query: CgroupQuery {
    get throws { try CgroupWords.query([path, effective], withDescendants: false) }
  }

  func answer(in session: Session) throws -> Answer {
    let snapshot = try CgroupWords.find(try query, in: session)
    let programs = snapshot.value.flatMap(\.programDocuments)
    return Answer(
      .array(programs), CgroupScreen(snapshot.value).list,
      missing: snapshot.missing,
      remarks: programs.isEmpty && snapshot.missing.isEmpty
        ? ["no BPF program \(try query.isEffective ? "runs in" : "is attached to") this cgroup"]
        : [])
  }
}

/// What the commands on cgroups share.
private enum CgroupWords {
  static let pathHelp = ArgumentHelp("A cgroup of the guest.", valueName: "path")
  static let effectiveHelp = ArgumentHelp(
    "The word effective, for all programs that run in a cgroup.", valueName: "effective")

  static let explanation = """
    A path is the guest's: /system.slice, or /sys/fs/cgroup/system.slice with the folder where the \
    guest has the files of cgroup v2, which alone runs programs.
    """

  static func next(after words: [String]) -> [WordKind] {
    words.contains("effective") ? [] : [.words(["effective"])]
  }

  static func query(_ words: [String?], withDescendants: Bool) throws -> CgroupQuery {
    var query = CgroupQuery(withDescendants: withDescendants)
    for word in words.compactMap({ $0 }) {
      if word == "effective", !query.isEffective {
        query.isEffective = true
      } else if word.hasPrefix("/"), query.path == nil {
        query.path = word
      } else {
        throw ValidationError(
          "'\(word)' is neither the path of a cgroup, which begins with a slash, nor effective")
      }
    }
    return query
  }

  static func find(
    _ query: CgroupQuery, in session: Session
  ) throws -> Snapshot<[CgroupPrograms]> {
    let snapshot = try session.ofThisBoot { try session.bpf(of: $0).cgroups(query) }
    guard snapshot.value != nil else {
      throw CommandError(
        "the guest has no cgroup \(query.path ?? "/"); cgroup tree lists those that have programs")
    }
    return snapshot.map { $0 ?? [] }
  }
}

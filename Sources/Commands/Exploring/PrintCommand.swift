import ArgumentParser
import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `print`: a kernel object by its BTF type.
struct PrintCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "print", abstract: "A kernel object by its BTF type, a member of it, or a list.",
    usage: """
      guestscope print <type> <address> [.member…]
      guestscope print <type> <address> --list <.member> [.member,.member…]
      """,
    discussion: """
      print task_struct init_task .comm
      print task_struct task:1 .mm->pgd
      print rq runqueues@1 .nr_running
      print bpf_prog prog:21 ->aux
      print 'scx_sched *' scx_root ->ops.name
      print 'char[64]' linux_banner
      print task_struct init_task --list .tasks .comm,.pid
      print module modules --list .list .name

      The type is that of what is at the address: of a variable that is a pointer, a pointer. A path \
      follows pointers, and [n] takes an element. What is shown is of one instant: a large object \
      may stop the guest for longer than --max-pause; the largest that is shown, 1 MiB, for some \
      tenths of a second.

      --list shows the elements of a circular list, a line each. It names the member, a struct \
      list_head, that links them; the members after the address, with commas between, are shown of \
      each, beside its address. In JSON their paths are the keys: "mm.pgd". The type is that of an \
      element.

      The address is that of the list's head, which is not shown, or of an element, which is shown \
      first. Where a list_head at the address is in a list (a neighbour in it leads back to the \
      address) it is the head's, otherwise an element's. Where elements begin with the list_head of \
      another list, it is an element's if that one's member is in a list. A head that the walk meets \
      after an element looks like one more element.

      Each element takes a stop of its own to be found, and the guest runs on between them: a list \
      that changes all the while is shown as far as it was found. At most 4096 elements are shown.
      """, aliases: ["p"])

  @Argument(help: "A type, as for type: task_struct, enum bpf_prog_type, u64, 'char[64]'.")
  var type: String
  @Argument(help: AddressExpression.help)
  var address: AddressExpression
  @Argument(
    help: ArgumentHelp("A path of members: .comm, .mm.pgd, .cpus[2].", valueName: ".member"))
  var members: [String] = []
  @Option(
    help: ArgumentHelp(
      "Show the elements of a list, which this member of each links.", valueName: ".member"))
  var list: String?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    let keyword = words.first.flatMap { TypeCommand.keywords.contains($0) ? $0 : nil }
    let typeWords = keyword == nil ? 1 : 2
    return switch words.count {
    case 0: [.typeName(keyword: nil)]
    case ..<typeWords: [.typeName(keyword: keyword)]
    case typeWords: [.symbol]
    case typeWords + 1: [.member(ofType: words.prefix(typeWords).joined(separator: " "))]
    default: []
    }
  }

  func validate() throws { _ = try request }

  private var request: PrintRequest {
    get throws { try PrintRequest(type: type, address: address, members: members, link: list) }
  }

  func answer(in session: Session) throws -> Answer {
    let request = try request
    do {
      return try request.link.map { try request.list($0, in: session) }
        ?? request.object(in: session)
    } catch KernelError.snapshot(.unreadable(let cause)) where !cause.isMissing {
      throw CommandError("nothing is readable there: \(cause)")
    }
  }
}

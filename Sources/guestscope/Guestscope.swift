import Commands
import GDBStub
import Glibc

@main
struct Guestscope {
  static func main() {
    let debt = ResumeDebt()
    takeSignals(paying: debt)
    exit(CommandLineTool.run(Array(CommandLine.arguments.dropFirst()), debt: debt))
  }
}

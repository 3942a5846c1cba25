import CJobCore
import CSQLite

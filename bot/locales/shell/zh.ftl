# 运行 Companion 的人在命令行里读到的文字：错误、命令的输出、doctor、帮助。`.fix` 是该输入什么。

# 设置，以及写设置的文件
setting-unknown = 没有 { $name } 这项设置；全部设置见 docs/settings.md
setting-unknown-near = 没有 { $name } 这项设置；是不是想写 { $near }？
setting-unknown-in-file = { $file } 里的 { $name } 不是设置；全部设置见 docs/settings.md
setting-wrong = { $name }：现在是 { $given }；{ $problem }
setting-hidden = 一个不显示的值
settings-unreadable = 读不了 { $file } 或 .env：{ $problem }
data-folder-not-made = { $name }：建不了 { $folder }：{ $problem }
data-folder-read-only = { $name }：当前用户不能写入 { $folder }
memory-key-form = { $origin }：记忆密钥应是 base64 写成的 32 个随机字节；`openssl rand -base64 32` 可以生成一个
wrong-key = 记忆密钥打不开已存的内容。请设置 COMPANION_MEMORY_KEY，或恢复以前用的密钥文件。
file-unusable = 用不了 { $file }：{ $problem }
file-not-toml = { $file }：不是 UTF-8 编码的 TOML，读不了：{ $problem }
file-wrong = { $file }：`{ $name }`：{ $problem }。
persona-none = 没有叫 '{ $name }' 的人物。现有：{ $names }。
persona-no-folder = COMPANION_PERSONA_DIR：没有文件夹 { $folder }
persona-file-name = { $file }：文件名只能用 a-z、0-9、- 和 _，最多 32 个字符。
persona-named-twice = { $file }：`name` 就是文件名；显示的名字请写在 `title` 里。
persona-unknown-key = { $file }：人物没有 `{ $name }` 这一项。可以写：{ $allowed }。
conduct-not-a-rule = { $file }：'{ $rule }' 不是正则表达式：{ $problem }

# 一个值哪里不对
value-or = { "" } 或 { "" }
value-bool_parsing = 应为 true 或 false，这个值无法识别
value-bool_type = 应为 true 或 false
value-extra_forbidden = 不能有这一项
value-finite_number = 应为有限的数
value-float_parsing = 应为数字，这个值无法识别
value-float_type = 应为数字
value-greater_than = 应大于 { $gt }
value-greater_than_equal = 应大于或等于 { $ge }
value-int_from_float = 应为整数，不能有小数部分
value-int_parsing = 应为整数，这个值无法识别
value-int_type = 应为整数
value-less_than = 应小于 { $lt }
value-less_than_equal = 应小于或等于 { $le }
value-literal_error = 应为 { $expected }
value-missing = 缺少这一项
value-missing_argument = 缺少这一项
value-path_type = 不是可用的路径
value-string_pattern_mismatch = 应符合正则表达式 '{ $pattern }'
value-string_too_long = 最多 { $max_length } 个字符
value-string_too_short = 至少 { $min_length } 个字符
value-string_type = 应为文字（字符串）
value-too_long = 最多 { $max_length } 项，现在是 { $actual_length } 项（{ $field_type }）
value-tuple_type = 应为列表
value-unexpected_keyword_argument = 没有这一项
value-host = 每个地址都应以 http:// 或 https:// 开头，并写出主机名；端口是不大于 65535 的数字
value-key = 只能有 ASCII 字母、数字和符号，不能有空格：是否复制完整，有没有多复制别的？
value-language = 应为以下之一：{ $known }
value-one_line = 只能有一行
value-people = 每一个都应是平台加用户编号，例如 telegram:123456789
value-redis = 应以 redis://、rediss:// 或 unix:// 开头
value-redis_parts = 端口是不大于 65535 的数字，最后一个斜杠后面是数据库编号；密码里的 / 请写成 %2F，# 写成 %23，? 写成 %3F
value-rule = 不能有只写着 --- 的行：它在提示里表示人物到此结束

# Redis
redis-lost = 连不上 Redis。它在运行吗？用 `companion doctor` 检查。（{ $problem }）
redis-none = 没有找到 Redis：请安装 redis-server 6.2 或更新的版本（Debian、Ubuntu：`sudo apt install redis-server`，macOS：`brew install redis`），或把 COMPANION_REDIS_URL 设为一个在运行的 Redis
redis-of-another = { $folder } 属于这台机器上的另一个用户；请删除它，或设置 COMPANION_DATA_DIR
redis-older = { $folder } 里的数据由 Redis { $written } 写成，而 { $server } 是 { $version }：请安装 redis-server { $written } 或更新的版本
redis-not-started = 无法在 { $folder } 里启动 redis-server：{ $problem }
redis-ended = redis-server 一启动就退出了：{ $words }（日志：{ $log }）
redis-silent = redis-server 在 { $seconds } 秒内没有应答（日志：{ $log }）
no-reason = 没有说明原因

# `companion up`、`companion chat` 和适配器
up-redis = redis   { $seconds } 秒后就绪，数据在 { $folder }
up-redis-set = redis   { $seconds } 秒后就绪，用的是设置里的那个
up-worker = worker  { $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [restarting] 正在重启
   *[other] 状态 { $stage }
  } { $what } …
up-worker-ready = worker  { $seconds } 秒后就绪，引擎 { $engine }，模型 { $model }
up-worker-there = worker  就绪，之前已有一个在运行
up-worker-none = 没有 worker 在运行，这里也没有安装 worker：`pip install 'companion[worker]'`
up-worker-ended = worker 退出了：{ $words }（它的日志是 { $log }）
up-adapter = { $name } 已启动
up-adapter-none = 没有适配器在运行；可以用 `companion chat` 在终端里聊天
without-a-word = 没有任何输出
chat-open = 这个数据文件夹上已经开着一个 `companion chat`；请先关掉它。
adapter-none = 没有适配器 '{ $name }'。现有：{ $names }。
adapter-not-installed = 这里没有安装 { $platform } 所需的部分：`pip install 'companion[{ $extra }]'`
telegram-no-token = 没有设置 COMPANION_TELEGRAM_TOKEN。请向 @BotFather 发送 /newbot 取得令牌
telegram-bad-token = Telegram 不接受 COMPANION_TELEGRAM_TOKEN。正确的令牌在 @BotFather 那里：/mybots，API Token。
telegram-cannot-listen = COMPANION_TELEGRAM_WEBHOOK_LISTEN：无法监听 { $address }：{ $problem }
telegram-no-webhook = Telegram 不接受 COMPANION_TELEGRAM_WEBHOOK_URL：{ $problem }
discord-no-token = 没有设置 COMPANION_DISCORD_TOKEN。取得方法见 docs/discord.md
discord-bad-token = Discord 不接受 COMPANION_DISCORD_TOKEN。请在 https://discord.com/developers 的 Bot 页点 Reset Token 重新生成。
discord-no-intent = COMPANION_DISCORD_MESSAGE_CONTENT 已打开，但 Discord 没有允许这个应用这样做。请在 https://discord.com/developers 的 Bot 页打开 “Message Content Intent”，或取消这项设置：私信、提及和回复都不需要 intent。

# `companion admin`
conversation-part = 对话编号里有不能用的部分：'{ $part }'
conversation-form = 不是对话：'{ $name }'
whom-form = 不是用户或对话：'{ $name }'；请写 PLATFORM:BOT:ID，例如 telegram:42:1001，或整个对话 PLATFORM:BOT:CHAT:THREAD:PERSON
server-form = 不是服务器：'{ $name }'；服务器写作 PLATFORM:BOT:ID
account-form = 不是机器人账号：'{ $name }'；应写 PLATFORM:BOT，例如 telegram:42
account-unknown = 机器人账号 { $name } 没有在这个 Redis 上运行过；运行过的有：{ $known }
owner-above = 对方是这个机器人的所有者，只有所有者才能这样做。
lists-above = 对方在设置里是所有者或管理员，屏蔽对其无效：请先把对方从设置里去掉。
list-blocked = 已屏蔽：{ $whom }
list-unblocked = 已解除屏蔽：{ $whom }
list-not-blocked = 原本没有屏蔽：{ $whom }
list-allowed = 已放行：{ $whom }
list-disallowed = 已收回放行：{ $whom }
list-not-allowed = 原本没有放行：{ $whom }
persona-chosen = { $kind ->
    [person] 这个用户
    [chat] 这个聊天
   *[server] 这个服务器
  }现在和 { $persona } 聊天
reset-sure = 忘掉 { $account } 上与 { $whom } 说过的一切吗？这一步无法撤销。
reset-sure-one = 忘掉对话 { $whom } 吗？这一步无法撤销。
forget-sure = 永久清除 { $account } 上关于 { $whom } 的一切吗？
forgotten = 已忘记：{ $turns } 轮对话
invite-made = { $code }  （供一个人使用，{ $days } 天内有效）
stats-worker = worker { $id }：{ $model }，{ $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [ready] 就绪
    [restarting] 正在重启
    [failed] 已失败
   *[other] { $stage }
  }，正在写 { $busy } 条回复，最多 { $slots } 条
stats-no-worker = 没有 worker 在运行
stats-account = { $account }：等待 { $waiting }，放到一边 { $dead }，今天写出 { $tokens } 个词元
stats-account-people = { $account }：认识 { $people } 人，等待 { $waiting }，放到一边 { $dead }，今天写出 { $tokens } 个词元
stats-care = { $month } 给出关怀回复 { $count } 次
audit-none = 操作日志里还没有内容
letter = { $id }  { $whom }  { $lines } 条消息
letter-none = 没有放到一边的消息
letter-unknown = 放到一边的消息里没有 '{ $id }'；`companion admin dead list` 列出现有的
letter-gone = 放到一边的消息里没有这个编号；`companion admin dead list` 列出现有的。
letter-replayed = 已放回收件箱，会再回答一次
letter-dropped = 已丢弃
letter-drop-sure = 丢弃 { $whom } 的 { $lines } 条消息吗？这一步无法撤销。
table-account = 账号
table-conversation = 对话
table-conversations = 对话数
table-people = 人数
table-turns = 轮数
table-size = 大小
table-oldest = 最早一轮
table-newest = 最近一轮

# 备份与恢复
backup-made = { $file }：{ $size }。没有口令谁也打不开它，你自己也不行。
backup-exists = { $file } 已经存在：请换个文件名，或用 --force 覆盖它
backup-cannot-write = 写不了 { $file }：{ $problem }。请腾出空间，或换个位置
backup-cannot-read = 读不了 { $file }：{ $problem }
backup-not-one = 这个文件不是 Companion 的备份。制作备份：`companion admin backup FILE`。
backup-too-new = 这个备份由更新的 Companion 制作。请安装那个版本或更新的版本，再用它恢复。
backup-cannot-open = 口令不对，或者备份已损坏、不完整。请再试一次，或换一份备份文件。
passphrase = 口令
passphrase-again = 再输入一次
passphrase-short = 口令至少要 { $least } 个字符；几个词比一个词好
passphrase-unreadable = { $file } 不是可读的文本：它的第一行应该是口令
restore-sure = 清除这里的一切，换成 { $at } 的备份吗？
restored = 已恢复：一切回到 { $at } 时的样子
restore-partly = Redis 只收下了一部分（{ $problem }）：请先排除问题，再用 --replace 重新恢复
restore-workers = 这个 Redis 上有 { $count } 个 worker 在运行：请先停掉各处的 Companion，再恢复（--force 则照样恢复）
restore-interrupted = 这里有一次恢复中断了：请用 --replace 从头再来
restore-in-use = 这个 Redis 已经在使用：--replace 会清除其中的内容，换成备份
restore-other-setting = COMPANION_MEMORY_KEY 与备份的密钥不同：取消这项设置，备份的密钥就会写入 { $file }；或者把它设为制作备份的机器所用的密钥
restore-other-file = { $file } 里的密钥与备份的不同。如果它能打开的内容不再需要，请把它移走（mv { $file } { $file }.old），再恢复一次

# `companion doctor`
check-python = Python
check-settings = 设置
check-personas = 人物
check-conduct = 行为准则
check-redis = Redis
check-redis-disk = Redis 落盘
check-redis-eviction = Redis 淘汰策略
check-memory-key = 记忆密钥
check-worker = worker
check-waiting = 等待
check-telegram-token = Telegram 令牌
check-telegram = Telegram
check-discord-token = Discord 令牌
check-disk = 磁盘
check-memory = 内存
check-model = 模型
doctor-python = 版本 { $version }
    .fix = 安装 Python 3.11 或更新的版本
doctor-settings = 设了 { $count } 项，其余用默认值
doctor-settings-wrong = { $problem }
    .fix = 在环境变量、.env 或 companion.toml 里改正
doctor-personas = 当前是 { $persona }，共有 { $names }
doctor-personas-wrong = { $problem }
    .fix = 改正这个文件，或改 COMPANION_PERSONA 和 COMPANION_PERSONA_DIR；companion persona list
doctor-conduct = 规则和求助热线都有效
doctor-conduct-own = 规则和求助热线都有效，另见 { $file }
doctor-conduct-off = 已关闭{ $off ->
    [care] 关怀
    [disclosure] AI 身份提醒
   *[both] 关怀和 AI 身份提醒
  }，见 { $file }
doctor-conduct-wrong = { $problem }
    .fix = 改正这个文件，或取消 COMPANION_CONDUCT_FILE
doctor-redis-answers = 有应答
doctor-redis-version = 有应答，版本 { $version }
    .fix = 安装 redis-server 6.2 或更新的版本
doctor-redis-no-version = 有应答；问不到版本
doctor-redis-silent = 没有应答：{ $problem }
    .fix = 启动它，或改正 COMPANION_REDIS_URL
doctor-redis-missing = { $problem }
doctor-redis-stopped = 内置的 Redis（{ $server }）没有运行
    .fix = companion up
doctor-aof-unknown = 问不到；请确认这台服务器会保存数据（appendonly yes）
doctor-aof-snapshots = 只有快照：一旦崩溃，最后一次快照之后的内容就丢了
    .fix = redis-cli config set appendonly yes，redis.conf 里也要改
doctor-aof-nothing = 什么都不保存
    .fix = redis-cli config set appendonly yes，redis.conf 里也要改
doctor-aof-full = 已经无法写入
    .fix = 在它的磁盘上腾出空间
doctor-aof-kept = 追加文件（AOF），fsync { $fsync }
doctor-eviction-unknown = 问不到；请确认 maxmemory-policy 是 noeviction
doctor-eviction = maxmemory-policy 现在是 { $policy }
    .fix = redis-cli config set maxmemory-policy noeviction，redis.conf 里也要改
doctor-key-none = 还没有；第一次启动时会生成 { $file }
doctor-key-wrong = { $problem }
doctor-key-open = 这台机器上的其他人也能读 { $file }
    .fix = chmod 600 { $file }
doctor-key-setting = 在 COMPANION_MEMORY_KEY 里
doctor-key-file = { $file }，只有你能读
doctor-key-lost = 缺少 { $file }，没有它就读不出已存的内容
    .fix = 从备份恢复这个文件，或设置 COMPANION_MEMORY_KEY
doctor-key-fits = { $where }；与已存的内容相符
doctor-worker = { $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [ready] 就绪
   *[other] { $stage }
  }，引擎 { $engine }，模型 { $model }，正在写 { $busy } 条回复，最多 { $slots } 条
doctor-worker-not-here = 这台机器上的 worker 已有几秒没有消息
doctor-worker-none = 一个也没有在运行，所以没有人回答
    .fix = companion up，或 companion worker
doctor-worker-failed = { $stage ->
    [restarting] 正在重启
    [failed] 已失败
   *[other] 状态 { $stage }
  }：{ $detail }
    .fix = python -m workers doctor
doctor-nobody-waits = 没有人在等
doctor-waiting = 有 { $count } 段对话在等回复，最久的等了 { $seconds } 秒
    .fix = 看 worker 的日志；如果只是太慢，多开几个 worker，或换小一些的模型
doctor-token-none = 没有设置，所以不用 { $platform }
doctor-token-form = 已设置，形式正确
doctor-token-odd = { $name } 看起来不像令牌
    .fix = { $platform ->
        [Telegram] 从 @BotFather 那里重新复制
       *[Discord] 在 https://discord.com/developers 的 Bot 页重新生成一个
    }
doctor-telegram = 令牌属于 @{ $name }，它在群里能收到{ $hears ->
    [everything] 所有消息
   *[own] 只与它有关的消息
  }
doctor-telegram-unknown = Telegram 不认识这个令牌
    .fix = 从 @BotFather 那里重新复制：/mybots，API Token
doctor-telegram-status = Telegram 返回状态 { $status }
    .fix = 过一会儿再试
doctor-telegram-silent = { $url } 没有应答（{ $problem }）
    .fix = 检查网络、HTTPS_PROXY 和 COMPANION_TELEGRAM_URL；适配器会一直重试
doctor-disk = 剩余 { $free } GiB（{ $folder }）
    .fix = 在 { $place } 下腾出空间，或把 COMPANION_DATA_DIR 设到别的磁盘
doctor-memory = 可用 { $free } GiB
    .fix = 关掉不需要的程序
doctor-memory-unknown = 这里问不到还有多少可用
doctor-model-settings = 设置有错，暂不检查
doctor-model-elsewhere = 不检查：这里没有安装 transformers，所以模型不在这里运行
doctor-model-late = `python -m workers doctor` 在 { $seconds } 秒内没有结束
doctor-model-broken = `python -m workers doctor` 失败：{ $words }

# worker
engine-died = 引擎进程在写回复的途中退出了。它会自行重启；请再问一次。
prompt-too-long = 所写的内容超出了模型的上下文，即使不带任何记忆也放不下。

# 帮助。文字本身是列表里的一行，`.more` 接在命令自己的页面上，其余是各个选项。
help = 属于你自己的 AI 伙伴：在 Telegram、Discord 和这个终端里。
    .more = 设置来自 COMPANION_* 环境变量、.env 文件或 companion.toml；全部设置见 docs/settings.md。
    .version = 显示版本并退出。
help-up = 启动这里的一切：Redis、worker 和适配器。
    .more = 设了地址就不启动 Redis；每个有令牌的适配器都会启动。
help-chat = 在这个终端里聊天；需要的都会启动，结束时一并关闭。
help-bot = 运行一个适配器：telegram、discord 或 console。
    .with_parent = 标准输入关闭时结束。
help-worker = 运行一个 worker，回复由它来写。
    .more = 与 `python -m workers run` 相同。
help-say = 回答一句话就退出：不用队列，不用记忆。
    .persona = 由谁来回答。
help-model = 下载模型，或不加载就检查模型的文件。
help-model-pull = 下载一个模型并检查它。
    .more = NAME 是短名（r1-7b）或 Hub 上的名字；中断后再运行会接着下。
    .mirror = 换一个 Hub，用于访问不了常用 Hub 的地方；不会收到令牌。
    .revision = 分支、标签或提交。
    .to = 存到这里，而不是 Hub 的缓存。
help-model-check = 逐个说明模型的文件是否完整。
    .more = PATH 是文件夹，或 Hub 缓存里模型的名字。
    .deep = 还要读取每个字节，与发布的哈希核对。
    .as_json = 输出 JSON，供程序使用。
help-model-explain = 说明模型是什么、需要什么、能有多快。
    .more = NAME 是文件夹，或 r1-7b 这样的名字。
    .as_json = 输出 JSON，供程序使用。
help-persona = 可以选择的人物。
help-persona-list = 全部人物，每行一个。
help-persona-show = 一个人物的全部内容。
help-discord = Discord 应用除令牌之外还需要的东西。
help-discord-invite = 显示把机器人加进服务器的链接。
help-doctor = 检查一切，每项一行。
    .more =
        每行是 ok，或哪里不对、该输入什么；有一项不对，退出状态就是 1。
        加上 PART 就是一秒内完成的健康检查：redis，或这台机器上的 worker。
help-export = 以 JSON 写出关于一个人的全部内容。
    .more = WHOM 的写法与 `admin` 相同；不写就是在这个终端聊天的人。
help-forget = 清除关于一个人的一切，连同密钥。
    .more = WHOM 的写法与 `admin` 相同；不写就是在这个终端聊天的人。
    .yes = 不再询问。
help-admin = 给管理者：用户、聊天、名单、备份。
    .more =
        所做的一切都记在操作日志里。
        WHOM 写作 PLATFORM:BOT:ID，例如 telegram:42:1001，
        或整个对话 PLATFORM:BOT:CHAT:THREAD:PERSON。
help-admin-reset = 忘掉说过的话。
    .more = 可以是一个对话里的、一个人的，加 --chat 则是一个聊天里的。
    .chat = ID 是聊天：其中所有人的对话。
    .yes = 不再询问。
help-admin-persona = 为一个用户选择人物，加 --chat 则为一个聊天。
    .chat = 用于这个聊天里还没有自己选过的人。
help-admin-block = 不再接收一个用户、聊天或服务器的消息。
    .more = 立即生效，处处生效。
    .chat = ID 是聊天。
    .server = ID 是服务器。
help-admin-unblock = 解除屏蔽。
    .chat = ID 是聊天。
    .server = ID 是服务器。
help-admin-allow = 放行一个用户、聊天或服务器。
    .more = 仅限邀请时才有作用。
    .chat = ID 是聊天。
    .server = ID 是服务器。
help-admin-disallow = 收回放行，或已使用的邀请。
    .chat = ID 是聊天。
    .server = ID 是服务器。
help-admin-invite = 生成一个邀请码，只能让一个人进来一次。
    .more = SURFACE 写作 PLATFORM:BOT，例如 telegram:42。
help-admin-stats = 各个 worker，以及每个机器人账号有谁在等。
    .more = 还有它认识多少人，今天写了多少。
help-admin-audit = 管理者做过什么，按时间先后列出。
    .more = 每行是时间（UTC）、机器人账号、谁、做了什么、对谁。
    .last = 显示多少条。
help-admin-dead = 三次都没能回答、放到一边的消息。
help-admin-dead-list = 全部列出，不显示内容。
help-admin-dead-show = 其中一条，连同内容。
    .more = 操作日志会记下你看过。
help-admin-dead-replay = 再试着回答其中一条。
help-admin-dead-drop = 丢弃一条。
    .yes = 不再询问。
help-admin-backup = 把一切写进一个加密的 FILE，包括记忆密钥。
    .more = Companion 可以继续运行。
    .passphrase_file = 第一行是口令的文件；不写就会询问。
    .force = FILE 已存在时覆盖它。
help-admin-restore = 从备份 FILE 恢复一切。
    .more = 在这台或别的机器上；先检查完整个文件，再动手修改。
    .passphrase_file = 第一行是口令的文件；不写就会询问。
    .replace = 先清除这个 Redis 里的内容，再恢复。
    .force = 即使有 worker 在运行。
    .yes = 清除之前不再询问。
help-admin-conversations = 有多少对话，内容有多少。
    .more = 还有最早和最近一轮的时间。
    .surface = 一个机器人账号，写作 PLATFORM:BOT；不写就是全部。
    .top = 另外列出最大的 N 个对话。

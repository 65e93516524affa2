"""Every knob, read from the environment and `.env`; the only module that reads either."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared import checks
from shared.errors import ConfigurationError
from shared.models import Site, SiteKind

HOME = Path(__file__).resolve().parent.parent
"""The folder the packages lie in, wherever the command was given."""
NO_BOOK = "none"
"""BOOK_SOURCE of a Lectern whose index is filled from elsewhere."""
NO_MODEL = "none"
"""EMBEDDING_MODEL where the book is searched by words only, whatever key there is."""
LOCAL_MODEL = "local"
"""EMBEDDING_MODEL that runs in this process and needs no key; it knows English."""


class Settings(BaseSettings):
    """Names are the environment's, in lower case; `.env.example` lists each with its default."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    # The book
    book_source: str = "docs"
    """A folder, or `git+https://host/owner/repo.git@ref#subdir`; `none`: the index is filled from elsewhere, such as CI."""
    book_from_private_host: bool = False
    """A book in git may come from a server with a private address, such as 10.0.0.7 or localhost."""
    book_include: Annotated[tuple[str, ...], NoDecode] = ("**/*.md", "**/*.mdx")
    """Globs, comma separated, relative to the book's root."""
    book_exclude: Annotated[tuple[str, ...], NoDecode] = ("**/node_modules/**", "**/.*/**", "**/.*")
    """Globs left out; they win over BOOK_INCLUDE."""
    book_language: str = "english"
    """Stemming and stop words of the lexical search, a Snowball language."""
    collection: str = "lectern"
    """Name of this book in the index: one Qdrant can hold many."""
    books: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of several books in one service, comma separated, such as `ros2,isaac`; what differs is set with the name before
    it, like `ROS2__BOOK_SOURCE`; the first also answers where none is named. Empty: there is one book."""

    # The site the book is read on
    book_title: str = ""
    """What readers know the book as; empty: `Ask the book`."""
    issues_url: str = ""
    """Where readers may tell you what the book does not say, e.g. https://github.com/owner/book/issues/new; empty: nowhere."""
    site_url: str = ""
    """Scheme and host, e.g. https://example.github.io; empty: links are site-relative, and Lectern shows the pages."""
    site_base: str = "/"
    """Path the site is served under, e.g. /my-book/; `/`: as Docusaurus' own configuration says."""
    site_kind: SiteKind = "auto"
    """What generates the site: decides page addresses and heading ids; `auto`: what the book's files name, else docusaurus."""
    site_route_base: str = "docs"
    """Docusaurus `routeBasePath` of the docs, `/` when they are the site's root; `docs`: as its own configuration says."""
    site_trailing_slash: bool | None = None
    """Docusaurus `trailingSlash`, MkDocs `use_directory_urls`; empty for the generator's default."""

    # Splitting
    chunk_tokens: int = Field(default=256, ge=64, le=8000)
    """Most tokens in a chunk."""

    # Answers
    openai_api_key: SecretStr | None = None
    """Empty: answers are quotations from the book."""
    openai_base_url: str = "https://api.openai.com/v1"
    """Any OpenAI-compatible address."""
    chat_model: str = "gpt-4o-mini"
    """Model that writes the answers."""
    answer_support: float = Field(default=0.3, ge=0, le=1)
    """How likely the book must hold the answer, or the reader is told that it does not say."""
    answer_cache_hours: float = Field(default=24.0, ge=0)
    """How long an answer is given again to the same question, while the book and the model stay the same; 0: never."""

    # Embeddings
    embedding_model: str = "text-embedding-3-small"
    """Model for dense vectors; `local`, and for an English book without a key: all-MiniLM-L6-v2 in this process; `none`:
    lexical search only."""
    embedding_dimensions: int = Field(default=1536, ge=1, le=65536)
    """Floats in a vector; must fit the model. The local one has 384."""
    embedding_base_url: str | None = None
    """Default: OPENAI_BASE_URL."""
    embedding_api_key: SecretStr | None = None
    """Default: OPENAI_API_KEY; empty (both): the local model, or lexical search only."""

    rerank_url: str | None = None
    """A `/rerank` endpoint of the Cohere or Jina shape, such as https://api.jina.ai/v1/rerank: it is sent each question and the
    best places of the book, and puts these in order; empty: the search's own order."""
    rerank_model: str = ""
    """What that endpoint is asked for; empty: it has one model."""
    rerank_api_key: SecretStr | None = None
    """Key of that endpoint; empty: none is sent."""

    # The index
    qdrant_url: str | None = None
    """Qdrant server or Cloud; empty: the embedded engine in DATA_DIR."""
    qdrant_api_key: SecretStr | None = None
    """Key of that server; it must be allowed to write."""
    qdrant_shards: int = Field(default=1, ge=1, le=64)
    """Shards of a new collection: with more than one, how rare a word is differs between them, and so do answers."""
    qdrant_quantization: Literal["none", "scalar", "binary"] = "none"
    """How a new collection keeps its vectors in memory: `scalar` a byte a number, `binary` a bit, both with the vectors whole
    on disk and looked at again for the best; `binary` is for models of 1,024 dimensions or more."""
    qdrant_payload_on_disk: bool = False
    """A new collection keeps the chunks' texts on disk, and in memory only what is filtered on."""
    ingest_shards: int = Field(default=1, ge=1, le=200)
    """Runs that the pages of a large book are cut into, for several workers to read at once, of 100 pages or more each; 1: one
    run reads them all."""
    shards_dir: Path | None = None
    """Folder in which these runs hand over what they read, shared by the workers' machines; empty: `shards` in DATA_DIR."""
    data_dir: Path = Path(".data")
    """Index, caches of embeddings and of pages read, tokenizer vocabulary, Prefect's database, logs."""

    # Conversations
    database_url: SecretStr | None = None
    """Postgres for conversations, e.g. `postgresql://user:password@host/name`; empty: SQLite in DATA_DIR; `none`: none are
    kept."""
    history_days: int = Field(default=30, ge=0)
    """Days a conversation is kept after its last message; 0: for ever."""

    keep_questions: int = Field(default=0, ge=0, le=3650)
    """Days a question is kept for `/insights`, without who asked it and from where; 0: none is."""
    explain_answers: int = Field(default=50, ge=0, le=1000)
    """The last answers that `/why` explains to the author, kept an hour in the memory of this process and nowhere else,
    and only where there is an ADMIN_API_KEY or tokens; 0: none are."""

    # The server
    redis_url: SecretStr | None = None
    """Redis that server processes share answers, limits and the budget in, like `redis://:password@host:6379/0`; or none."""
    host: str = "0.0.0.0"  # noqa: S104  a container must listen on every interface
    """Address to listen on."""
    port: int = Field(default=7860, ge=1, le=65535)
    """Port of the web server."""
    admin_api_key: SecretStr | None = None
    """Key for all that only the author may do, such as /ingest, as `Authorization: Bearer` or `X-API-Key`, at least 32 bytes
    (`openssl rand -hex 24`); empty: closed, but for tokens."""
    jwt_secret: SecretStr | None = None
    """Signs tokens that open a part of it (`python -m server token`), by HS256; at least 32 bytes. Empty: none of ours."""
    jwt_jwks: str | None = None
    """Public keys of an identity provider whose tokens count too, signed by RS256 or ES256: a file, or an https address."""
    jwt_audience: str = "lectern"
    """What a token must be for (`aud`)."""
    jwt_issuer: str = "lectern"
    """Who a token must come from (`iss`)."""
    reader_api_keys: SecretStr | None = None
    """Keys of readers with limits of their own, `name:key:questions a minute`, comma separated; a key has 32 bytes or more."""
    metrics_api_key: SecretStr | None = None
    """Key that may read /metrics and nothing else; ADMIN_API_KEY may too."""
    metrics_open: bool = False
    """Anyone may read /metrics; else a key is asked for, but not of this machine in ENVIRONMENT=development."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ("https://mrowaisabdullah.github.io",)
    """Sites whose pages may call the API, comma separated."""
    trusted_hops: int = Field(default=0, ge=0, le=8)
    """Proxies in front that append to X-Forwarded-For; 0: the socket's peer is the client."""
    requests_per_minute: int = Field(default=30, ge=1)
    """Questions one reader may ask in a minute, searches ten times that; callers on this machine have no limit in
    ENVIRONMENT=development."""
    chat_default: Literal["stream", "json"] = "stream"
    """What `/chat` answers with when a request does not say: a stream of events, or one JSON object, which most front ends of
    other chatbots read. `/api/chat`, `/ask` and their kin answer with JSON in any case."""
    max_streams: int = Field(default=100, ge=1)
    """Answers streaming at once, over all readers."""
    daily_budget_usd: float = Field(default=5.0, ge=0)
    """Upstream spending a day (UTC) after which answers are quotations, shared by REDIS_URL; 0: no cap."""
    daily_budget_tokens: int = Field(default=0, ge=0)
    """The same in tokens, for models whose price is not known, too; 0: no cap."""
    daily_budget_share: float = Field(default=0.2, gt=0, le=1)
    """Share of either that one reader may spend."""

    # Prefect
    prefect_api_url: str | None = None
    """Default: the server that `make up` starts on this machine."""
    prefect_api_auth_string: SecretStr | None = None
    """What that server's API asks for, as `user:password`; empty: `make up` makes one for its own."""

    # Operation
    otel_exporter_otlp_endpoint: str | None = None
    """Where traces go by OTLP over HTTP, e.g. http://localhost:4318; empty: nothing is traced."""
    otel_exporter_otlp_headers: SecretStr | None = None
    """What is sent with them, such as the collector's key: `name=value`, comma separated."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe line that is logged."""
    environment: Literal["development", "production"] = "development"
    """`production` logs JSON and has limits and keys for everyone; `development` trusts callers on this machine."""

    @field_validator("books", "book_include", "book_exclude", "allowed_origins", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    _books = field_validator("books")(checks.book_names)
    _issues = field_validator("issues_url")(checks.issues_address)
    _site = field_validator("site_url")(checks.scheme_and_host)
    _secrets = field_validator("admin_api_key", "jwt_secret")(checks.long_enough)
    _keys = field_validator("jwt_jwks")(checks.safe_source_of_keys)
    _database = field_validator("database_url")(checks.known_database)
    _redis = field_validator("redis_url")(checks.known_redis)
    _rerank = field_validator("rerank_url")(checks.rerank_address)
    _collector = field_validator("otel_exporter_otlp_endpoint")(checks.collector_address)
    _with_traces = field_validator("otel_exporter_otlp_headers")(checks.name_value_pairs)
    _readers = field_validator("reader_api_keys")(checks.check_reader_keys)

    @classmethod
    def read(cls, **given: Any) -> Self:
        """The settings, with those given for certain; raises `ConfigurationError` with a line for each one that is wrong."""
        try:
            return cls(**given)
        except ValidationError as exc:
            wrong = {str(error["loc"][0]): error for error in exc.errors()}  # the first error of each
            told = [checks.tell_wrong(name, cls.model_fields[name], error) for name, error in wrong.items()]
            raise ConfigurationError("\n".join(told)) from exc

    @property
    def site(self) -> Site:
        """The site as `flows/sites/site.py` takes it."""
        return Site(
            kind=self.site_kind,
            url=self.site_url.rstrip("/"),
            base="/" + self.site_base.strip("/") + "/" if self.site_base.strip("/") else "/",
            route_base=self.site_route_base.strip("/"),
            trailing_slash=self.site_trailing_slash,
        )

    @property
    def reads_book(self) -> bool:
        """False: nothing is read here, and neither Prefect nor a worker is needed."""
        return self.book_source != NO_BOOK

    @property
    def embedding_key(self) -> SecretStr | None:
        """The key dense retrieval uses; None: it needs none, or there is none."""
        needs_none = self.embedding_model in {NO_MODEL, LOCAL_MODEL}
        return None if needs_none else self.embedding_api_key or self.openai_api_key

    @property
    def wants_local_embeddings(self) -> bool:
        """Whether vectors come from the model in this process: where it is named, and for an English book without a key."""
        is_english = self.book_language.strip().lower() == "english"
        is_default = self.embedding_model != NO_MODEL and self.embedding_key is None and is_english
        return self.embedding_model == LOCAL_MODEL or is_default
